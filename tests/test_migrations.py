"""Migrations of every operation, up and down on real databases with rows in them."""

from __future__ import annotations

import uuid
from functools import partial

import pytest

from tests.evolutions import (
    ADDED,
    ANN,
    BOB,
    CHANGES,
    FIRST,
    NEW,
    OLD,
    PARENTS,
    REFERENCES,
    ROWS,
    STEPS,
    Record,
)
from tests.generated import check_types
from tests.migrated import (
    DATABASES,
    Place,
    chain,
    create_databases,
    creations,
    go_up_and_down,
    lint,
    place,
    server,
    versions,
    without_mixin,
)
from tests.refusals import REFUSALS
from tests.released import programs, template

pytestmark = pytest.mark.service

__all__ = ["place", "programs", "server", "template"]  # pytest finds the fixtures by their names


def test_every_operation_goes_up_and_down_and_loses_nothing(place: Place) -> None:
    """The tables are what new ones would be, rows keep their values, and the way back is whole."""
    rows = go_up_and_down(place, OLD, NEW, partial(chain, STEPS), ROWS)

    assert_changed(rows.migrated)
    assert_came_back(rows.before, rows.restored)


def assert_changed(rows: dict[str, list[Record]]) -> None:
    """Compare the rows after all operations with what each operation promises."""
    columns = {field["name"]: answer for field, _, answer in ADDED if "to" not in field}
    added = {**columns, "buyer_id": ANN, "double_id": None, "friend_ids": [], "payer_id": None}
    assert without_mixin(rows["growing"]) == [{"name": "a", **added}, {"name": "b", **added}]
    secrets = {uuid.UUID(row["secret"]) for row in rows["growing"]}
    assert [secret.version for secret in secrets] == [4, 4]
    assert {row["due"] for row in rows["growing"]} == {
        row["placed_at"][:10] for row in rows["growing"]
    }
    assert without_mixin(rows["shrinking"]) == [{"name": "a"}]
    (changed,) = without_mixin(rows["changing"])
    expected = {name: answer for name, (_, _, _, answer) in CHANGES.items()}
    assert changed == expected | {column: ANN for _, _, _, column in REFERENCES.values()}
    assert without_mixin(rows["user"]) == [{"code": "x", "buyer_id": ANN, "reader_ids": [ANN, BOB]}]
    assert [row["parent_id"] for row in rows["wares"]] == [None, FIRST, None]
    assert [row["peer_ids"] for row in rows["wares"]] == [[], [], [FIRST]]
    assert len(rows["lines"]) == 1


def assert_came_back(before: dict[str, list[Record]], after: dict[str, list[Record]]) -> None:
    """Compare the rows after the way down with those before the way up."""
    assert before.pop("dying")
    assert after.pop("dying") == []
    (lost,), (kept,) = before.pop("shrinking"), after.pop("shrinking")
    assert kept == lost | {"code": None, "price": "1.50", "buyer_id": None}
    assert after == before


def test_a_migration_that_rows_do_not_fit_says_so_and_changes_nothing(place: Place) -> None:
    """How many rows, which column and what is allowed; the other rows are not touched either."""
    create_databases(place, "refused")
    modules = [*PARENTS, *(refused(name) for name in REFUSALS)]
    created = creations(modules)
    below = created[-1]["revision"]
    steps = [
        {**refusing(name), "revision": name, "down_revision": below, "slug": f"refuse_{name}"}
        for name in REFUSALS
    ]
    service = place.service("service", modules, [*created, *steps], "refused")
    rows = [*ROWS[:4], *(row for name in REFUSALS for row in rows_of(name))]

    _, _, found = service.do(("upgrade", below), ("insert", rows), ("refuse", list(REFUSALS)))

    for (name, (*_, words)), (message, is_same) in zip(REFUSALS.items(), found, strict=True):
        assert words in message, message
        assert message.startswith(f"table_{name}."), message
        assert is_same, message
    if place.kind == "postgresql":
        scripts = service.do(*[("print_sql", f"{below}:{name}") for name in REFUSALS])
        reasons = service.do(*[("execute", script) for script in scripts])
        for message, (reason, _) in zip(reasons, found, strict=True):
            assert message == reason or "date" in message, message


def refused(name: str) -> Record:
    """Give the module whose change is refused."""
    old = REFUSALS[name][0]
    fields = [{"name": "field", **old}] if old else []
    return {
        "name": f"table_{name}",
        "entity": f"Row{name.title().replace('_', '')}",
        "fields": fields,
    }


def refusing(name: str) -> Record:
    """Give the migration that is refused."""
    old, new, *_ = REFUSALS[name]
    common = {"module": f"table_{name}", "date": "2026-11-21", "backfill": {}}
    field = {"name": "field", **new}
    if not old:
        backfill = {"field": FIRST} if new["type"] == "ref" else {}
        return {**common, "operation": "add_fields", "fields": [field], "backfill": backfill}
    change = {"old": {"name": "field", **old}, "new": field}
    return {**common, "operation": "change_fields", "changes": [change]}


def rows_of(name: str) -> list[tuple[str, str, Record]]:
    """Give rows, some of which do not fit."""
    module = refused(name)
    old, _, values, _ = REFUSALS[name]
    return [
        (module["name"], module["entity"], {"id": id_, **({"field": value} if old else {})})
        for id_, value in zip((FIRST, ANN), values, strict=True)
    ]


@pytest.mark.parametrize("place", DATABASES[:1], indirect=True)
def test_migrations_pass_the_checks_of_the_service(place: Place) -> None:
    """A service's own lint, format and types find nothing in what the operations write.

    It is the same on every database, so one is enough.
    """
    created = creations(OLD)
    below = created[-1]["revision"]
    steps = [*chain(STEPS, below), *({**refusing(n), "down_revision": below} for n in REFUSALS)]
    named = [{**one, "revision": f"r{i}", "slug": f"s{i}"} for i, one in enumerate(steps)]
    project = place.service("checked", OLD, [*created, *named], "checked").project

    first, second = (versions(place, kind, OLD, [*created, *named]) for kind in DATABASES)
    assert first == second
    lint(place, project)
    check_types(project, place.programs, "mypy", "migrations")
