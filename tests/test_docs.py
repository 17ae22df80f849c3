"""The documentation is true: its commands run, its links work, its tables are current.

`uv run pytest tests/test_docs.py --snapshot-update` writes the generated parts again.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documented import COMMANDS, GENERATORS, errors_without_help
from tests.generated import DATABASES, EVERY_PART, environment, make_service, rendered_here
from tests.judging import ASSERTIONS, IMPORTED_ONCE
from tests.preforked import modules_of_the_command, preforked
from tests.reader import RUNNING_ALREADY, Reader
from tests.tiny import run_git

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TEXTS = sorted(ROOT.glob("*.md"))
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [page for page in PAGES[1:] if "```console" in page.read_text(encoding="utf-8")]

GENERATED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MACHINE = re.compile(r"(?<![\w.])/(?:tmp|home|root|work|Users)/")
# Errors after which there is nothing to do, and one with the text of a question's validator.
NOTHING_TO_DO = {
    "nothing to change: the fields are the same already",
    "nothing to change: the module is the same already",
    "… is already the name of the field",
    "… is already the name of the module",
    "…: …",
}


def name_of(page: Path) -> str:
    """Return how a page is called in a test's name."""
    return page.relative_to(ROOT).as_posix()


# Commands


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with the files of this one as they are now, committed."""
    target = tmp_path_factory.mktemp("released") / "cofee"
    target.mkdir()
    run_git(target, "init", "--quiet", "--initial-branch=main")
    listed = run_git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
            (target / name).chmod((ROOT / name).stat().st_mode)
    run_git(target, "add", "--all")
    run_git(target, "commit", "--quiet", "--message", "As it is now")
    return target


def variables() -> dict[str, str]:
    """Return the environment of a reader, who runs no test of this repository."""
    ours = ("PYTEST_", "COV_", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {"COLUMNS": "100"}


@dataclass(frozen=True)
class Programs:
    """What readers have on their PATH, and the environment in which the command is installed."""

    folder: Path
    venv: Path

    def install(self, clone: Path) -> None:
        """Install the command from a clone, with the versions of the lock file."""
        sync = ["uv", "sync", "--quiet", "--frozen", "--no-dev"]
        there = {**variables(), "UV_PROJECT_ENVIRONMENT": str(self.venv)}
        subprocess.run(sync, cwd=clone, env=there, check=True)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory, released: Path) -> Iterator[Programs]:
    """The command and Copier, and a uv whose `uv run pytest` uses SQLite.

    They start once for all pages, and uv asks the index once for the dependencies of services.
    """
    place = tmp_path_factory.mktemp("programs")
    (place / "bin").mkdir()
    found = Programs(place / "bin", place / ".venv")
    found.install(released)
    service = make_service(released, place / "service", {"auth": "oauth"})
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, env=variables(), check=True)
    modules = ["copier.__main__", *modules_of_the_command(), "compiled"]
    compiled = {"PYTHONPATH": str(ROOT / "tests"), "COMPILED_FOR_COPIER": str(released)}
    with (
        preforked(found.venv, modules, variables() | compiled) as installed,
        preforked(environment(released), IMPORTED_ONCE, variables()) as testing,
    ):
        tests = testing.command(
            "pytest", PYTEST_ADDOPTS=" ".join(ASSERTIONS), **DATABASES["sqlite"]
        )
        write_program(found.folder / "cofee", f'exec {installed.command("cofee")} "$@"')
        write_program(found.folder / "copier", f'exec {installed.command("copier")} "$@"')
        write_program(
            found.folder / "uv",
            f'if [ "$1 $2" = "run pytest" ]; then shift 2; exec {tests} "$@"; fi',
            f'exec {shutil.which("uv")} "$@"',
        )
        yield found


def write_program(path: Path, *lines: str) -> None:
    """Write a shell script that can be run."""
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


@pytest.fixture
def clone(released: Path, tmp_path: Path) -> Path:
    """The clone of a reader."""
    run_git(tmp_path, "clone", "--quiet", str(released), "cofee")
    return tmp_path / "cofee"


@pytest.mark.service
@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_commands_do_what_the_page_shows(page: Path, clone: Path, programs: Programs) -> None:
    """Every command of a page runs in order; its reader is beside the clone.

    Services share an environment, because making one for each costs more than all else.
    """
    programs.install(clone)
    shared = {
        "PATH": f"{programs.folder}{os.pathsep}{os.environ['PATH']}",
        "UV_PROJECT_ENVIRONMENT": str(environment(clone)),
        "UV_OFFLINE": "1",
    }
    reader = Reader(clone.parent, clone.parent, variables() | shared)

    reader.follow(page.read_text(encoding="utf-8"))


@pytest.mark.service
def test_commands_of_the_readme_do_what_it_shows(clone: Path) -> None:
    """Its reader, in the clone, installs everything, and starts every program."""
    tools = clone.parent / ".tools"
    own = {
        "PATH": f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "UV_TOOL_DIR": str(tools),
        "UV_TOOL_BIN_DIR": str(tools / "bin"),
    }
    reader = Reader(clone.parent, clone, variables() | own)

    reader.follow(README.read_text(encoding="utf-8"))


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """The one command that this test cannot run is what runs it."""
    assert f"$ {RUNNING_ALREADY}\n" in README.read_text(encoding="utf-8")
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == RUNNING_ALREADY


# Generated parts


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_generated_parts_are_current(page: Path, request: pytest.FixtureRequest) -> None:
    """Tables of types and questions, and the commands' help, are what the sources say."""
    text = page.read_text(encoding="utf-8")
    current = GENERATED.sub(lambda part: f"{part[1]}{GENERATORS[part[2]]()}\n{part[3]}", text)
    if request.config.getoption("update_snapshots"):
        page.write_text(current, encoding="utf-8")
        return
    assert text == current


def test_every_generator_is_used() -> None:
    """A part that no page shows would be dead."""
    shown = {part[2] for page in PAGES for part in GENERATED.finditer(page.read_text("utf-8"))}
    assert shown == set(GENERATORS)


# Completeness


def test_every_command_is_in_the_readme_and_in_the_help_page() -> None:
    """Every command can be found in the documentation."""
    for name in COMMANDS:
        assert f"cofee {name}" in README.read_text(encoding="utf-8")
        assert f"## cofee {name}\n" in (ROOT / "docs/commands.md").read_text(encoding="utf-8")


def test_every_page_is_reached_from_the_readme() -> None:
    """A page that nothing links to is not read."""
    text = README.read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert f"](docs/{page.name})" in text


def test_every_error_says_what_to_do() -> None:
    """An error has a hint or says what is allowed, unless there is nothing to do."""
    assert set(errors_without_help()) == NOTHING_TO_DO


def test_every_line_of_the_checklist_is_a_command_that_exists() -> None:
    """A task of a service, some of its tests, or a command of a tool that it has."""
    module = {"name": "notes", "entity": "Note", "fields": [], "owned_by": "user"}
    tree = rendered_here({**EVERY_PART, "modules": [module]})
    tasks = tomllib.loads(tree["pyproject.toml"].content.decode())["tool"]["poe"]["tasks"]
    tests = "\n".join(file.content.decode() for path, file in tree.items() if "tests/" in path)
    text = (ROOT / "docs/checklist.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (?!What holds|-).* \| (.*) \|$", text, re.MULTILINE)

    assert len(lines) > 20
    for line in lines:
        tool, *words = shlex.split(line.strip("`").removeprefix("uv run "))
        known = {"poe": tasks, "pytest": tree, "cofee": COMMANDS, "uv": ["lock"]}.get(tool, [])
        if words[0] == "-k":
            names = words[1].split(" or ")
            assert all(re.search(rf"def test_\w*{name}", tests) for name in names), line
        elif tool == "pytest":
            assert all(any(path.startswith(place) for path in tree) for place in words), line
        else:
            assert tool == "alembic" or words[0] in known, line


# Hygiene


@pytest.mark.parametrize("page", sorted({*PAGES, *TEXTS}), ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links and their anchors exist."""
    text = page.read_text(encoding="utf-8")
    for link in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


@pytest.mark.parametrize("page", sorted({*PAGES, *TEXTS}), ids=name_of)
def test_pages_name_no_machine_and_no_placeholder(page: Path) -> None:
    """A page has no path of a particular machine and no unfinished part."""
    text = page.read_text(encoding="utf-8")
    assert not MACHINE.search(text)
    assert not re.search(r"\b(TODO|TBD|FIXME|lorem|XXX)\b", text)


def test_every_path_of_the_tree_is_made(released: Path, tmp_path: Path) -> None:
    """The tree of the README shows what a service holds, and nothing else."""
    text = README.read_text(encoding="utf-8")
    found = re.search(r"```text\nshop/\n(.*?)```", text, re.DOTALL)
    assert found
    module = {"name": "products", "entity": "Product", "fields": []}
    made = make_service(released, tmp_path / "shop", {"modules": [module], "isolation": "project"})
    missing = [path for path in tree_paths(found[1]) if not (made / path).exists()]
    assert not missing


def tree_paths(tree: str) -> Iterator[str]:
    """Yield the paths of an indented tree; a line may name several."""
    folders: list[str] = []
    for line in tree.splitlines():
        entry = re.match(r"( *)((?:[\w./-]+,? )*[\w./-]+)(?:  .*)?$", line)
        assert entry, line
        depth = len(entry[1]) // 2 - 1
        for name in re.split(r"[, ]+", entry[2]):
            folders[depth:] = [name.rstrip("/")]
            yield "/".join(folders)
