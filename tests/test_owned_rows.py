"""Modules whose rows are somebody's: how they come about, live and change, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run, snapshot
from tests.generated import environment, run, snapshot_template
from tests.tiny import run_git

STEPS = (
    ("new-module", "shelves", "name:str:unique"),
    ("new-module", "folders", "name:str:unique", "shelf:ref:shelves:null:on_delete=set_null"),
    (
        *("new-module", "notes", "title:str:unique:sort:filter", "size:int:null"),
        *("folder:ref:folders:on_delete=cascade", "shelf:ref:shelves:null", "tags:many:folders"),
        *("--unique-together", "size,folder", "--search", "title"),
    ),
    ("add-field", "notes", "colour:str:null:unique:filter", "before:ref:notes:null"),
    ("add-field", "notes", "rank:int:unique", "--backfill", "3"),
    ("change-field", "notes", "size:bigint:null:sort", "colour:str:len=9:null:filter"),
    ("change-field", "notes", "colour:str:len=9:null:unique"),
    ("rename-field", "notes", "title", "heading"),
    ("rename-field", "notes", "folder", "place"),
    ("rename-module", "notes", "notices"),
    ("add-field", "notices", "twin:one:notices:null", "cover:one:shelves:null"),
    ("change-module", "notices", "--hard-delete", "--version-column"),
    ("change-module", "notices", "--only", "create,list,delete", "--unique-together", "size,shelf"),
    ("remove-field", "notices", "rank"),
)


def service(tmp_path: Path, cofee: Run, **options: str) -> Path:
    """Make a service from the template as it stands."""
    template, root = snapshot_template(tmp_path / "template"), tmp_path / "shop"
    pairs = [word for key, value in options.items() for word in ("--data", f"{key}={value}")]
    made = cofee("new", root, "--template", template, "--defaults", "--trust", *pairs)
    assert made.code == 0, made.err
    return root


@pytest.mark.parametrize("owner", ["user", "project"])
def test_owned_modules_go_through_every_command(tmp_path: Path, cofee: Run, owner: str) -> None:
    """Each command ends well and can be taken back, and the tests of all of it are green."""
    root = service(tmp_path, cofee, isolation="project")
    for step in STEPS:
        run_git(root, "add", "--all")
        run_git(root, "commit", "--quiet", "--allow-empty", "--message", "step")
        owned = step[0] == "new-module" and step[1] != "shelves"
        words = (*step, "--owned-by", owner) if owned else step
        before = snapshot(root)
        ran = cofee(*words, "--yes", "-C", root)
        assert ran.code == 0, f"{words}: {ran.err}"
        assert cofee("undo", "--yes", "-C", root).code == 0
        assert snapshot(root) == before
        assert cofee(*words, "--yes", "-C", root).code == 0

    programs = environment(tmp_path / "template")
    assert f"--owned-by {owner}" in cofee("status", "-C", root).out
    run(root, programs, "ruff", "format", "--check")
    run(root, programs, "ruff", "check")
    run(root, programs, "mypy")
    for url in ("", "sqlite+aiosqlite://"):
        variables = {"TEST_DATABASE_URL": url} if url else {}
        run(root, programs, "pytest", "-q", "tests/modules", "tests/db", **variables)
