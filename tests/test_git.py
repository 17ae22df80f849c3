"""cofee's git: nothing of the user's settings changes what a command does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cofee.git import GitError, enclosing_git_dir, git
from tests.conftest import Run, snapshot
from tests.test_update import edit, next_main
from tests.tiny import release, run_git, write

UV = "#!/bin/sh\nprintf 'error: no network\\n\\nhint: plug it in\\n' >&2\nexit 2\n"
UNREACHABLE = {
    "git@github.com: Permission denied (publickey).": """\
Cloning into bare repository '/x'...
warning: Permanently added 'github.com' (ED25519) to the list of known hosts.
git@github.com: Permission denied (publickey).
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.
""",
    "detected dubious ownership in repository at '/srv/template/.git'": """\
fatal: detected dubious ownership in repository at '/srv/template/.git'
To add an exception for this directory, call:

\tgit config --global --add safe.directory /srv/template/.git
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.
""",
    "Repository not found.": """\
remote: Repository not found.
fatal: repository 'https://github.com/acme/lost.git/' not found
""",
    "'/srv/lost' does not appear to be a git repository": """\
fatal: '/srv/lost' does not appear to be a git repository
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.
""",
    "could not read Username for 'https://example.com': terminal prompts disabled": """\
fatal: could not read Username for 'https://example.com': terminal prompts disabled
""",
    "Host key verification failed.": """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Host key verification failed.
fatal: Could not read from remote repository.
""",
    "exit 1": "exit 1",
}


@pytest.mark.parametrize("reason", UNREACHABLE)
def test_reason_is_the_line_that_says_why(reason: str) -> None:
    """Git prints advice after it, and progress before it."""
    assert GitError(UNREACHABLE[reason]).reason == reason


def outdated(shop: Path, template: Path) -> None:
    """Let the next update merge one file and conflict in another."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    edit(shop / "ci.yml", "on:", "name: mine\non:")
    changes = {
        **next_main(**{"DEBUG = False": "DEBUG = 1"}),
        "template/ci.yml": "on: ${{ push }}\nlast: 1\n",
        "template/new.txt": "one\ntwo\n",
    }
    release(template, "v1.1.0", changes)


SETTINGS = {
    "bare repositories": "[safe]\n\tbareRepository = explicit\n",
    "name of the remote": "[clone]\n\tdefaultRemoteName = upstream\n",
    "line endings": "[core]\n\tautocrlf = true\n\teol = crlf\n\tsafecrlf = true\n",
    "attributes": "[core]\n\tattributesFile = {home}/attributes\n",
    "hooks": "[core]\n\thooksPath = {home}/hooks\n",
    "template of repositories": "[init]\n\ttemplateDir = {home}/template\n",
    "hashes": "[init]\n\tdefaultObjectFormat = sha256\n",
    "conflict style": "[merge]\n\tconflictStyle = diff3\n\trenames = false\n",
    "output": "[color]\n\tui = always\n[log]\n\tshowSignature = true\n[status]\n\tshort = true\n",
}
ATTRIBUTES = "*.txt eol=crlf\n*.py working-tree-encoding=UTF-16\n* merge=ours\n"


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_the_user_change_nothing(
    setting: str, shop: Path, template: Path, cofee: Run, tmp_path: Path
) -> None:
    """An update gives the same files with any setting, and with a cache that is made with it."""
    outdated(shop, template)
    shutil.copytree(shop, tmp_path / "other")
    assert cofee("update", "-C", shop).code == 2
    expected = snapshot(shop)
    home = tmp_path / "home"
    hook = "#!/bin/sh\nexit 1\n"
    write(
        home,
        {
            "attributes": ATTRIBUTES,
            "gitconfig": SETTINGS[setting].format(home=home),
            **{f"hooks/{name}": hook for name in ("post-index-change", "reference-transaction")},
            "template/hooks/reference-transaction": hook,
            "template/info/attributes": ATTRIBUTES,
        },
    )
    for path in home.rglob("*-*"):
        path.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

        ran = cofee("update", "-C", tmp_path / "other")

    assert ran.code == 2, ran.err
    assert snapshot(tmp_path / "other") == expected
    assert "UU app/main.py" in run_git(tmp_path / "other", "status", "--short")


VARIABLES = {
    "GIT_DIR": "/nowhere",
    "GIT_COMMON_DIR": "/nowhere",
    "GIT_INDEX_FILE": "/nowhere/index",
    "GIT_NAMESPACE": "somewhere",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ICASE_PATHSPECS": "1",
    "GIT_OBJECT_DIRECTORY": "/nowhere",
    "GIT_ATTR_SOURCE": "HEAD",
}


def test_variables_of_a_surrounding_git_change_nothing(
    shop: Path, template: Path, cofee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook or an alias of another repository can run cofee."""
    outdated(shop, template)
    with monkeypatch.context() as patch:
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        ran = cofee("update", "-C", shop)

    assert ran.code == 2, ran.err
    assert "UU app/main.py" in run_git(shop, "status", "--short")


def test_programs_and_credentials_for_servers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates are fetched with the user's ssh command and settings."""
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -i key")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "credential.helper")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "cache")

    assert git("var", "-l").decode().count("credential.helper=cache") == 1
    shown = git("-c", "alias.env=!env", "env").decode()
    assert "GIT_SSH_COMMAND=ssh -i key\n" in shown
    assert git("config", "--list", isolated=True).decode().count("credential.helper") == 0


@pytest.mark.parametrize("content", ["", "nonsense\n", "gitdir: /nowhere\n"])
def test_invalid_git_file_is_no_repository(content: str, shop: Path, cofee: Run) -> None:
    """The journal is hidden in `.cofee`, and every command works as outside git."""
    shutil.rmtree(shop / ".git")
    (shop / ".git").write_text(content)
    before = set(snapshot(shop))

    assert enclosing_git_dir(shop) is None
    assert cofee("new-module", "orders", "-C", shop).code == 0
    assert cofee("status", "-C", shop).code == 0
    assert cofee("undo", "-C", shop).code == 0

    assert set(snapshot(shop)) == before


def test_empty_git_folder_is_no_repository(shop: Path, cofee: Run) -> None:
    """Git goes on to the directories above it."""
    shutil.rmtree(shop / ".git")
    (shop / ".git").mkdir()

    assert enclosing_git_dir(shop) is None
    assert cofee("new-module", "orders", "-C", shop).code == 0


COMMANDS = (
    "new-module orders name:str",
    "add-field orders note:str:null",
    "rename-field orders note text",
    "change-field orders text:int:null",
    "undo",
    "rename-module orders invoices",
    "remove-module invoices",
    "set ci=none --yes",
    "status",
    "diff",
    "undo",
)


def test_every_command_works_without_a_commit_and_an_identity(
    shop: Path, template: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine on which git has no name yet has made the repository, and no commit."""
    shutil.rmtree(shop / ".git")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    subprocess.run(["git", "init", "--quiet"], cwd=shop, check=True)
    outdated(shop, template)

    for command in COMMANDS:
        ran = cofee(*command.split(), "-C", shop)
        assert ran.code == 0, f"{command}: {ran.err}"
    assert cofee("update", "-C", shop).code == 2
    assert cofee("update", "--abort", "-C", shop).code == 0
    assert cofee("update", "-C", shop).code == 2
    write(shop, {"app/main.py": "DEBUG = 'both'\n"})
    assert cofee("update", "--continue", "-C", shop).code == 0
    assert cofee("undo", "-C", shop).code == 0


def test_staged_migration_of_an_unborn_branch_is_in_git(shop: Path, cofee: Run) -> None:
    """What is staged may have been applied, as with a commit before it."""
    shutil.rmtree(shop / ".git")
    run_git(shop, "init", "--quiet")
    assert cofee("new-module", "orders", "-C", shop).code == 0
    run_git(shop, "add", "--all")

    ran = cofee("undo", "-C", shop)

    assert ran.code == 1
    assert "is in git" in ran.err


def test_new_says_what_failed_and_what_git_needs_for_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of a task is printed, not the hint that follows it in its output."""
    write(tmp_path, {".env.example": "SECRET_KEY=\n", "bin/uv": UV})
    (tmp_path / "bin/uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")

    script = Path(__file__).parents[1] / "hooks/after_copy.py"
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert (tmp_path / ".git").is_dir()
    assert "Skipped: `uv lock` failed: error: no network\n" in done.stderr
    assert "Skipped: no first commit, because git does not know your name. Run " in done.stderr
    assert "`git config --global user.name NAME`" in done.stderr


def test_line_endings_of_a_clone_are_no_edits(shop: Path, template: Path, cofee: Run) -> None:
    """With `core.autocrlf` every file has CRLF; commands keep it and list only real edits."""
    cofee("new-module", "orders", "-C", shop)
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--message", "orders")
    clone = shop.parent / "clone"
    run_git(shop, "clone", "--quiet", "--config=core.autocrlf=true", str(shop), str(clone))
    assert b"\r\n" in (clone / "app/main.py").read_bytes()

    shown = cofee("status", "-C", clone)
    assert "edited" not in shown.out
    assert cofee("diff", "-C", clone).out == ""
    release(template, "v1.1.0", next_main(PORT="P"))
    assert cofee("update", "-C", clone).code == 0
    assert cofee("add-field", "customers", "email:str:null", "-C", clone).code == 0
    assert cofee("undo", "-C", clone).code == 0
    main = clone / "app/main.py"
    assert b"P = 8000\r\n" in main.read_bytes()
    main.write_bytes(main.read_bytes().replace(b"False", b"True"))

    assert json.loads(cofee("status", "--json", "-C", clone).out)["edited"] == ["app/main.py"]
    changed = run_git(clone, "status", "--short").splitlines()
    assert changed == [" M .copier-answers.yml", " M app/main.py"]


def test_undo_after_a_conversion_of_line_endings(shop: Path, cofee: Run) -> None:
    """The answers file is the same for both line endings."""
    cofee("add-field", "customers", "email:str:null", "-C", shop)
    for path in (".copier-answers.yml", "app/modules/customers/models.py"):
        (shop / path).write_bytes((shop / path).read_bytes().replace(b"\n", b"\r\n"))

    assert cofee("undo", "-C", shop).code == 0

    assert b"email" not in (shop / "app/modules/customers/models.py").read_bytes()


def test_template_that_moved(shop: Path, template: Path, cofee: Run, tmp_path: Path) -> None:
    """The message names the option, and the new address is recorded."""
    moved = tmp_path / "moved"
    release(template, "v1.1.0", next_main(PORT="P"))
    template.rename(moved)

    lost = cofee("update", "-C", shop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # the old commit is fetched as well
        found = cofee("update", "--template", moved, "-C", shop)

    assert lost.code == 1
    assert f"`{template}` cannot be reached: '{template}' does not appear to be" in lost.err
    assert "`cofee update --template SRC`" in lost.err
    assert found.code == 0, found.err
    assert f"_src_path: {moved}\n" in (shop / ".copier-answers.yml").read_text()
    assert "P = 8000" in (shop / "app/main.py").read_text()
    assert cofee("update", "--continue", "--template", moved, "-C", shop).code == 64
