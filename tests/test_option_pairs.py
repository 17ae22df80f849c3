"""Services of every pair of answers work: no option breaks another.

The services are a covering array: few of them, in which every two answers that go together meet.
All are rendered and linted. Their own tests and mypy run for the one with names in camelCase and
models of SQLModel that has the most parts, and for all with `--every-cell`. Of the contract tests
that meet the same risk in a service one is run.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.template.template import Template
from tests import every
from tests.generated import (
    REPOSITORY,
    check_types,
    environment,
    make_service,
    run,
)
from tests.judging import EACH_RISK, Judge
from tests.released import template

__all__ = ["template"]  # pytest finds the fixtures by their names

pytestmark = pytest.mark.service

Row = Mapping[str, object]
Pair = frozenset[tuple[str, object]]
NOTES = {
    "name": "notes",
    "entity": "Note",
    "fields": [
        {"name": "text", "type": "str"},
        {"name": "due_on", "type": "date", "filter": True, "sort": True, "unique": True},
        {"name": "type", "type": "str", "filter": True, "sort": True, "json_name": "kind_of"},
        {"name": "follows", "type": "ref", "to": "notes", "nullable": True, "expand": True},
    ],
}
CHORES = {
    **NOTES,
    "name": "chores",
    "entity": "Chore",
    "owned_by": "user",
    "fields": [{"name": "text", "type": "str"}],
}
OF_USERS: list[Row] = [*every.REQUIRED_OF_USERS, *every.OPTIONAL_OF_USERS]
# By the answer `auth`, what a service has beside its options.
CONTENTS: Mapping[object, Mapping[str, list[Row]]] = {
    "none": {"modules": [NOTES]},
    "jwt": {"modules": [NOTES, CHORES], "user_fields": OF_USERS},
    "oauth": {"modules": [NOTES, CHORES]},
}
# What finds similar rows has a module for it.
PAPERS = {
    "name": "papers",
    "entity": "Paper",
    "fields": [
        {"name": "heading", "type": "str"},
        {"name": "text", "type": "text", "nullable": True},
        {"name": "vector", "type": "vector", "dimension": 64, "nullable": True},
    ],
    "embed": ["heading", "text"],
}
DRAWN = 300  # rows to choose from
# What no service calls, and mypy spends half of its time on.
UNREAD = """
[[tool.mypy.overrides]]
module = [
  "openai.resources.*", "agents.extensions.*", "agents.realtime.*", "agents.run_internal.*",
  "agents.sandbox.*", "agents.voice.*", "griffe.*", "mcp_types._v2025_11_25",
  "mcp_types._v2026_07_28", "qdrant_client.embed.*", "qdrant_client.local.*",
  "qdrant_client.async_qdrant_remote", "qdrant_client.qdrant_remote",
]
follow_imports = "skip"
"""


@cache
def choices() -> dict[str, list[object]]:
    """Return the answers that each question offers."""
    found: dict[str, list[object]] = {}
    for name, question in Template("template", "HEAD", REPOSITORY).questions.items():
        offered = question.choices
        if question.ask is True and isinstance(offered, list | dict) and offered:
            found[name] = list(offered.values() if isinstance(offered, dict) else offered)
        elif question.ask is True and question.type == "bool":
            found[name] = [False, True]
    return found


@cache
def rows() -> list[Row]:
    """Return few rows of answers in which each allowed pair of answers meets."""
    draw = random.Random(1)
    candidates = [
        {name: draw.choice(offered) for name, offered in choices().items()} for _ in range(DRAWN)
    ]
    allowed = [row for row in candidates if is_allowed(row)]
    missing = set().union(*map(pairs, allowed))
    found: list[Row] = []
    while missing:
        best = max(allowed, key=lambda row: len(pairs(row) & missing))
        missing -= pairs(best)
        found.append(best)
    return found


@cache
def renderer() -> Renderer:
    """Return what judges the answers."""
    return Renderer(Template("template", "HEAD", REPOSITORY))


def is_allowed(row: Row) -> bool:
    """Return whether no answer needs another one than the row has."""
    try:
        renderer().settle(row, {})
    except CofeeError:
        return False
    return True


def pairs(row: Row) -> set[Pair]:
    """Return every two answers of a row."""
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def rows_to_test(*, every_cell: bool) -> list[Row]:
    """Return the rows of the services whose own tests run."""
    if every_cell:
        return rows()
    return [fullest_row()]


def fullest_row() -> Row:
    """Return the row with the most parts, of those with names in camelCase and SQLModel."""
    return max(
        (row for row in rows() if (row["json_names"], row["orm"]) == ("camel", "sqlmodel")),
        key=lambda one: sum(value not in ("none", False) for value in one.values()),
    )


def make(row: Row, template: Path, folder: Path) -> Path:
    """Make the service of a row."""
    contents = {**CONTENTS[row["auth"]]}
    if row["vectors"] != "none":
        papers = {**PAPERS}
        if row["auth"] != "none":
            papers["owned_by"] = "user"
        if row["mcp"]:
            papers["tools"] = ["read", "similar"]
        contents["modules"] = [*CONTENTS[row["auth"]]["modules"], papers]
    return make_service(template, folder, {**row, **contents})


def test_services_of_every_pair_are_clean(template: Path, tmp_path: Path) -> None:
    """They are linted and formatted as their own rules say."""
    programs = environment(template)
    for number, row in enumerate(rows()):
        make(row, template, tmp_path / f"service{number}")

    run(tmp_path, programs, "ruff", "check")
    run(tmp_path, programs, "ruff", "format", "--check")


def test_services_of_pairs_pass_their_tests(
    template: Path, tmp_path: Path, judge: Judge, request: pytest.FixtureRequest
) -> None:
    """They are typed as well, and run as their own configuration says."""
    programs = environment(template)
    for number, row in enumerate(rows_to_test(every_cell=request.config.getoption("every_cell"))):
        project = make(row, template, tmp_path / f"service{number}")
        with (project / "pyproject.toml").open("a") as configuration:
            configuration.write(UNREAD)
        check_types(project, programs)
        assert judge.complaint(project, *EACH_RISK, variables={}) == ""


def test_every_answer_is_in_one_of_them() -> None:
    """Also one that needs another."""
    met = {answer for row in rows() for answer in row.items()}

    assert met == {(name, value) for name, offered in choices().items() for value in offered}
