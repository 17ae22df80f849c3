"""Modules with owned rows: how they are made and changed, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cofee.errors import CofeeError
from cofee.spec import module_rules, owners
from cofee.spec.record import Field, Module
from tests.conftest import Run, snapshot
from tests.generated import environment, make_service, run, snapshot_template
from tests.judging import EACH_RISK, Judge
from tests.strategies import FACTS, Record
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


# What only owned rows have; the rest is tested with other services.
OF_OWNERS = "owner or token or taken or deleted or migration"


def service(tmp_path: Path, **options: str) -> Path:
    """Make a service from the template of the working tree."""
    root = make_service(snapshot_template(tmp_path / "template"), tmp_path / "shop", options)
    run_git(root, "init", "--quiet")
    return root


@pytest.mark.service
@pytest.mark.parametrize("owner", ["project", "user"])
def test_owned_modules_go_through_every_command(
    tmp_path: Path, cofee: Run, judge: Judge, owner: str, request: pytest.FixtureRequest
) -> None:
    """Each command ends well, can be undone, and leaves clean code with green tests.

    A project's rows have more routes. A user's rows meet the first commands, which make all kinds
    of relations and keys; `--every-cell` runs all of them, and undoes each.
    """
    root = service(tmp_path, isolation="project")
    every = request.config.getoption("every_cell")
    steps = STEPS if every or owner == "project" else STEPS[:4]
    for number, step in enumerate(steps):
        run_git(root, "add", "--all")
        run_git(root, "commit", "--quiet", "--allow-empty", "--message", "step")
        owned = step[0] == "new-module" and step[1] != "shelves"
        words = (*step, "--owned-by", owner) if owned else step
        before = snapshot(root)
        ran = cofee(*words, "--yes", "-C", root)
        assert ran.code == 0, f"{words}: {ran.err}"
        is_below = "its routes are below /projects/{project_id}/" in ran.err
        assert is_below == (owned and owner == "project")
        if every or number % 4 == 3:
            assert cofee("undo", "--yes", "-C", root).code == 0
            assert snapshot(root) == before
            assert cofee(*words, "--yes", "-C", root).code == 0

    programs = environment(tmp_path / "template")
    assert f"--owned-by {owner}" in cofee("status", "-C", root).out
    run(root, programs, "ruff", "format", "--check")
    run(root, programs, "ruff", "check")
    if owner == "project":
        tests = ("tests/modules/notices", "tests/db/test_migrations.py")
        assert judge.complaint(root, *tests, "-k", OF_OWNERS, *EACH_RISK) == ""


ROW = "01900000-0000-7000-8000-000000000001"
SHELF = {"name": "shelf", "type": "ref", "to": "shelves"}


def module(name: str, *fields: Record, **rules: Any) -> Module:
    """Give a module with its rules."""
    record = {"name": name, "entity": name.capitalize(), "fields": list(fields), **rules}
    return Module.from_record(record)


@pytest.mark.parametrize(
    ("owner", "answers", "sentence", "hint"),
    [
        (
            "user",
            {},
            "`notes`: rows cannot belong to a user, because the option `auth` is `none`",
            "turn it on first: `cofee set auth=jwt`",
        ),
        (
            "project",
            {"auth": "none"},
            "`notes`: rows cannot belong to a project, because the option `isolation` is `none`",
            "turn it on first: `cofee set auth=jwt isolation=project`",
        ),
        (
            "project",
            {"auth": "oauth", "isolation": "none"},
            "`notes`: rows cannot belong to a project, because the option `isolation` is `none`",
            "turn it on first: `cofee set isolation=project`",
        ),
    ],
)
def test_an_owner_needs_an_option(owner: str, answers: Record, sentence: str, hint: str) -> None:
    """The hint is the command that turns on what is missing, and changes nothing else."""
    with pytest.raises(CofeeError) as refused:
        owners.require_options([module("notes", owned_by=owner)], answers, (), FACTS)
    assert (str(refused.value), refused.value.hint) == (sentence, hint)


@pytest.mark.parametrize(("owner", "option"), [("user", "auth"), ("project", "isolation")])
def test_an_option_that_rows_need_stays(owner: str, option: str) -> None:
    """Who takes the owners of rows away is told which modules would lose them."""
    modules = [module("notes", owned_by=owner), module("shelves"), module("tags", owned_by=owner)]
    answers = {"auth": "jwt", "isolation": "project", option: "none"}
    with pytest.raises(CofeeError, match=f"the rows of `notes`, `tags` belong to a {owner}, and"):
        owners.require_options(modules, answers, [option], FACTS)
    owners.require_options(modules, {"auth": "jwt", "isolation": "project"}, [option], FACTS)


@pytest.mark.parametrize(
    ("field", "given", "sentence"),
    [
        (
            {"name": "title", "type": "str"},
            "team",
            "`owned_by` must be one of `user`, `project`, not `team`",
        ),
        ({"name": "user_id", "type": "uuid"}, "user", "has the column `user_id`"),
        (
            {"name": "project", "type": "ref", "to": "projects"},
            "project",
            "the field `project` has the column `project_id` of the owner",
        ),
    ],
)
def test_a_column_says_whose_a_row_is(field: Record, given: str, sentence: str) -> None:
    """A field of its name could not be told from it."""
    with pytest.raises(CofeeError, match=sentence):
        module_rules.complete(module("notes", field, owned_by=given), FACTS)


@pytest.mark.parametrize("kind", ["ref", "one", "many"])
def test_only_rows_of_the_same_owner_refer_to_owned_ones(kind: str) -> None:
    """A row of all could be seen by all, with what it refers to."""
    theirs = module("shelves", owned_by="user")
    refers = {**SHELF, "type": kind}
    for more in ({}, {"owned_by": "project"}):
        with pytest.raises(CofeeError) as refused:
            owners.check_references([theirs, module("notes", refers, **more)])
        assert "rows of `shelves` belong to a user, so rows of `notes`" in str(refused.value)
        assert refused.value.hint == "create the module with `--owned-by user`"
    owners.check_references([theirs, module("notes", refers, owned_by="user")])
    owners.check_references([module("shelves"), module("notes", refers, owned_by="user")])


def test_rows_of_all_owners_are_not_filled_with_a_row_of_one() -> None:
    """One identifier would belong to another owner for most of them."""
    modules = [module("shelves", owned_by="user"), module("notes", SHELF, owned_by="user")]
    filled = [Field.from_record(SHELF)]
    with pytest.raises(CofeeError, match="rows of several owners cannot refer to one row"):
        owners.check_values(modules, filled)
    owners.check_values([module("shelves"), modules[1]], filled)


def test_names_with_the_owner_in_them_fit_into_postgresql() -> None:
    """A name that would be cut off is refused, with the owner's column counted."""
    title = {"name": "title_of_the_page", "type": "str", "unique": True}
    long = "particular_particular_particular_12"
    module_rules.complete(module(long, title), FACTS)
    with pytest.raises(CofeeError, match="characters too long"):
        module_rules.complete(module(long, title, owned_by="project"), FACTS)


def test_commands_refuse_what_no_owner_can_have(tmp_path: Path, cofee: Run) -> None:
    """The new module, its options and its fields are looked at before anything is written."""
    root = service(tmp_path, auth="none")
    refused = cofee("new-module", "notes", "title:str", "--owned-by", "user", "-C", root)
    assert (refused.code, "`cofee set auth=jwt`" in refused.err) == (1, True)
    for step in (
        ("set", "auth=jwt"),
        ("new-module", "shelves", "name:str"),
        ("new-module", "notes", "title:str", "--owned-by", "user"),
        ("new-module", "tags", "note:ref:notes", "--owned-by", "user"),
    ):
        assert cofee(*step, "--yes", "-C", root).code == 0
    before = snapshot(root)
    for words, sentence in (
        (("set", "auth=none"), "the rows of `notes`, `tags` belong to a user"),
        (("new-module", "logs", "note:ref:notes"), "rows of `logs` without that owner"),
        (("add-field", "shelves", "note:ref:notes:null"), "rows of `shelves` without that owner"),
        (("new-module", "plans", "--owned-by", "project"), "`cofee set isolation=project`"),
        (("change-module", "notes", "--owned-by", "user"), "No such option"),
        (("add-field", "notes", "user_id:uuid:null"), "has the column `user_id`"),
        (
            ("add-field", "tags", "over:ref:notes", "--backfill", ROW),
            "rows of several owners cannot refer to one row of `notes`",
        ),
    ):
        ran = cofee(*words, "--yes", "-C", root)
        assert ran.code in (1, 2, 64), words
        assert sentence in ran.err, ran.err
        assert snapshot(root) == before
