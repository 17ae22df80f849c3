"""A service from before a great change of the template is updated, and every hand edit is kept.

The services are made by the template of an old commit, and edited by the hand edits that the matrix
of that commit had. A push takes every sixteenth edit; `--every-cell` takes all.
"""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Run, snapshot
from tests.generated import environment, files_of, make_service, run, template_since
from tests.judging import EACH_RISK, Judge
from tests.preforked import Preforked
from tests.test_matrix import MODULES, _remembered, lost_lines, memory, unsound
from tests.tiny import run_git

pytestmark = pytest.mark.service

__all__ = ["_remembered", "memory"]  # pytest finds fixtures by their names

# The last commit before the blueprint was rewritten.
OLD = "46fc38bdf111c3c025539538f3dc0a514a8457d0"
# What the notes of the update ask for: the migration that today's models need.
FOUND = 'alembic upgrade head && alembic revision --autogenerate -m "follow the update"'
MIGRATION = ("python", "-m", "dev", "--temporary", "sh", "-c", FOUND)
Edits = dict[str, Callable[[Path], list[str]]]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the old commit."""
    target = tmp_path_factory.mktemp("old") / "cofee"
    files_of(OLD, target)
    return target


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the old template and, after it, today's."""
    return template_since(OLD, tmp_path_factory.mktemp("template") / "template")


@pytest.fixture(scope="module")
def base(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service of the old template with users, and modules that refer to one another."""
    root = tmp_path_factory.mktemp("base") / "shop"
    orders = {"name": "orders", "entity": "Order", "fields": [], "owned_by": "user"}
    make_service(template, root, {"modules": [*MODULES, orders]}, ref="v0.1.0")
    run_git(root, "init", "--quiet", "--initial-branch=main")
    run_git(root, "add", "--all", "--force")
    run_git(root, "commit", "--quiet", "--message", "Start from the template")
    return root


@pytest.fixture(scope="module")
def edits(old: Path) -> Edits:
    """The hand edits of the old commit, which know what its template gave."""
    found: Edits = runpy.run_path(str(old / "tests/hand_edits.py"))["EDITS"]
    return found


def updated(base: Path, root: Path, cofee: Run, edit: Callable[[Path], list[str]]) -> list[str]:
    """Edit a copy of the service and update it; return what is wrong with the result."""
    shutil.copytree(base, root)
    lines = edit(root)
    was_sound = not unsound(root)
    before = snapshot(root)
    ran = cofee("update", "--defaults", "--yes", "-C", root)
    if ran.code == 1:
        return [f"refused: {ran.err}"] + (["and written"] if snapshot(root) != before else [])
    faults = [f"lost: {line}" for line in lost_lines(lines, root, "update")]
    if ran.code == 0 and was_sound:  # what a hand-written line now misses is printed
        faults += [fault for fault in unsound(root) if fault.rpartition(": ")[2] not in ran.err]
    if ran.code == 2 and not any(b"<<<<<<< yours" in text for text in snapshot(root).values()):
        faults += [] if "template removed" in ran.err else ["a conflict without markers"]
    if cofee("undo" if ran.code == 0 else "update", *_back(ran.code), "-C", root).code:
        faults.append("the update cannot be taken back")
    left = snapshot(root)
    return faults + [
        f"left: {path}"
        for path in before.keys() | left.keys()
        if before.get(path) != left.get(path)
    ]


def _back(code: int) -> Iterator[str]:
    return iter(["--yes"] if code == 0 else ["--abort", "--yes"])


def test_service_that_nobody_edited_is_green(
    base: Path, template: Path, tmp_path: Path, cofee: Run, forks: Preforked, judge: Judge
) -> None:
    """The update renders what a new service has, except for the migrations, and its tests pass."""
    root = tmp_path / "shop"
    shutil.copytree(base, root)
    ran = cofee("update", "--defaults", "-C", root)
    assert ran.code == 0, ran.err
    programs = environment(template)

    run(root, programs, "ruff", "check")
    run(root, programs, "ruff", "format", "--check")
    run(root, programs, *MIGRATION, **forks.first("alembic"))
    modules = [f"tests/modules/{name}" for name in (*(one["name"] for one in MODULES), "orders")]
    assert judge.complaint(root, *modules, "tests/db/test_migrations.py", *EACH_RISK) == ""


def test_hand_edits_are_kept(
    base: Path,
    edits: Edits,
    tmp_path: Path,
    cofee: Run,
    request: pytest.FixtureRequest,
) -> None:
    """Each edit is in the updated service, or between markers, and the update can be undone."""
    step = 1 if request.config.getoption("every_cell") else 16
    wrong = {
        name: faults
        for name in list(edits)[::step]
        if (faults := updated(base, tmp_path / name.replace(" ", "-"), cofee, edits[name]))
    }

    assert wrong == {}
