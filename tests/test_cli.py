"""The command line itself: exit codes, refusals, and what it loads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main

from tests.compiled import build_parser
from tests.conftest import Run, snapshot

FULL = Path("/dev/full")  # a disk without space


def test_version(cofee: Run) -> None:
    """The version of `pyproject.toml` is printed to stdout."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert cofee("--version").out == f"{project['version']}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["update", "--nonsense"],
        ["new-module"],
        ["new"],
        ["update", "--continue", "--abort"],
        ["update", "--continue", "--to", "v1"],
        ["update", "--continue", "--verify"],
        ["-C", "folder", "new", "shop"],
    ],
)
def test_wrong_usage_ends_with_64(arguments: list[str], cofee: Run) -> None:
    """An invalid command line differs from a failure and from conflicts."""
    ran = cofee(*arguments)

    assert ran.code == 64
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", [["update"], ["new-module", "orders"], ["status"]])
def test_a_folder_that_is_no_project_is_refused(
    command: list[str], tmp_path: Path, cofee: Run
) -> None:
    """The sentence says what makes a project."""
    ran = cofee(*command, "-C", tmp_path)

    assert ran.code == 1
    assert (
        "is not a cofee service: no `.copier-answers.yml` here or in a parent directory" in ran.err
    )
    assert "cofee new DEST" in ran.err
    assert snapshot(tmp_path) == {}


def test_directory_before_the_command_is_the_same_as_after_it(shop: Path, cofee: Run) -> None:
    """As in git; the option after the command counts more."""
    after = cofee("status", "-C", shop)

    assert cofee("-C", shop, "status") == after
    assert cofee("-C", shop.parent, "status", "-C", shop) == after


@pytest.mark.parametrize("arguments", [["-h"], ["add-field", "-h"]])
def test_short_option_shows_the_help(arguments: list[str], cofee: Run) -> None:
    """Before and after the command."""
    ran = cofee(*arguments)

    assert ran.code == 0
    assert "Usage:" in ran.out


def test_completion_is_a_script_for_the_shell(cofee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--install-completion` installs the same script."""
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    monkeypatch.setattr(typer.main, "get_command", build_parser)  # which reads the variable

    ran = cofee("--show-completion", "zsh")

    assert ran.code == 0
    assert "compdef" in ran.out


BROKEN = {
    "no YAML": ("modules: [", "line 2"),
    "no mapping": ("- a\n", "must be a mapping"),
    "no template": ("_commit: v1\n", "has no `_src_path`"),
    "no commit": ("_src_path: x\n", "has no `_commit`"),
    "a commit without quotes": (
        "_src_path: x\n_commit: 0000000\n",
        "`_commit` is `0`, which is not text",
    ),
    "a lost commit": ("_src_path: {template}\n_commit: v0.0.0\n", "has no commit `v0.0.0`"),
    "a lost template": ("_src_path: {template}-x\n_commit: v1\n", "cannot be reached"),
    "modules of no form": ("_src_path: {template}\n_commit: v1.0.0\nmodules: 3\n", "`modules`"),
    "bytes": ("a: \udc80", "not valid YAML"),
    "an answer outside its choices": (
        "_src_path: {template}\n_commit: v1.0.0\nci: jenkins\nmodules: []\n",
        "must be one of `github`, `none`",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answers_file_is_refused(
    case: str, shop: Path, template: Path, cofee: Run
) -> None:
    """Each way in which it can be broken is named, and nothing is written."""
    text, words = BROKEN[case]
    content = text.replace("{template}", str(template)).encode(errors="surrogateescape")
    (shop / ".copier-answers.yml").write_bytes(content)
    before = snapshot(shop)

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert snapshot(shop) == before


def test_refusal_as_json(tmp_path: Path, cofee: Run) -> None:
    """A program gets the sentence, the hint and the code."""
    ran = cofee("update", "--json", "-C", tmp_path)

    document = json.loads(ran.out)
    assert document["exit_code"] == ran.code == 1
    assert document["hint"]


def test_nothing_to_continue_or_abort(shop: Path, cofee: Run) -> None:
    """Without conflicts both are refused."""
    for option in ("--continue", "--abort"):
        ran = cofee("update", option, "-C", shop)

        assert ran.code == 1
        assert "no update is in progress" in ran.err


def test_an_old_git_is_refused_by_name(
    shop: Path, cofee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the installed git and the required one, if the user edited a file."""
    router = shop / "app/router.py"
    router.write_text(f"# mine\n{router.read_text()}")
    old = tmp_path / "bin/git"
    old.parent.mkdir()
    old.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "  *version) echo git version 2.37.1 ;;\n"
        "  *merge-tree*) echo usage: git merge-tree >&2; exit 129 ;;\n"
        f'  *) exec {shutil.which("git")} "$@" ;;\n'
        "esac\n"
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "cofee needs git 2.38 or newer; found `git version 2.37.1`" in ran.err


def test_help_loads_nothing_heavy() -> None:
    """Copier, questionary and Jinja are loaded by the commands that use them."""
    script = (
        "import sys; sys.argv = ['cofee', '--help']\n"
        "from cofee.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('copier', 'questionary', 'prompt_toolkit', 'jinja2', 'yaml', "
        "'pathspec', 'pluralizer', 'rstr') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_new_module_loads_nothing_heavy(shop: Path) -> None:
    """Copier and questionary cost a second together, and Typer would import Pydantic."""
    script = (
        f"import sys; sys.argv = ['cofee', 'new-module', 'orders', 'a:str', '-C', {str(shop)!r}]\n"
        "from cofee.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('copier', 'questionary', 'prompt_toolkit', 'rstr', 'pydantic', "
        "'pathspec', 'concurrent.futures') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert (shop / "app/modules/orders").is_dir()
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has it")
@pytest.mark.parametrize("arguments", [("diff",), ("status", "--json")])
def test_output_to_a_full_disk_is_an_error(arguments: tuple[str, ...], shop: Path) -> None:
    """The error is printed as text, because JSON has no place either."""
    (shop / "app/main.py").write_text("EDITED = True\n")
    command = [sys.executable, "-m", "cofee", *arguments, "-C", str(shop)]

    with FULL.open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("error: the output cannot be written: the disk is full\n")


def test_sigterm_rolls_back_like_ctrl_c() -> None:
    """A service manager that stops the command leaves no half-written project."""
    script = (
        "import os, signal, sys\n"
        "import cofee.cli.modules\n"
        "def stop():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGTERM); signal.pause()\n"
        "    finally:\n        print('rolled back', flush=True)\n"
        "cofee.cli.app.app = stop\n"
        "from cofee.__main__ import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout == "rolled back\n"
    assert done.returncode == 128 + 15


@pytest.mark.parametrize("module", ["typer", "cofee.cli.modules", "cofee.commands.new_module"])
def test_ctrl_c_during_start_up_prints_nothing(module: str, shop: Path) -> None:
    """An interrupt while the command is imported is not reported as an error."""
    script = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # off in the background
        "def hook(event, arguments):\n"
        f"    if event == 'import' and arguments[0] == {module!r}:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(hook)\n"
        f"sys.argv = ['cofee', 'new-module', 'orders', '-C', {str(shop)!r}]\n"
        "from cofee.__main__ import run\nrun()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stderr == ""
    assert done.returncode == 130
