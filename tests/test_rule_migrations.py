"""Migrations of the rules of modules, up and down on real databases with rows in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.evolutions import ANN, BOB, FIRST, SECOND, Record
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
from tests.released import programs, template
from tests.strategies import with_rules

__all__ = ["place", "programs", "server", "template"]  # pytest finds the fixtures by their names

PRICE: Record = {"type": "decimal", "precision": 9, "scale": 2}
FIELDS: list[Record] = [
    {"name": "name", "type": "str", "unique": True},
    {"name": "price", **PRICE},
    {"name": "cost", **PRICE, "nullable": True},
    {"name": "maker", "type": "ref", "to": "makers"},
    {"name": "friends", "type": "many", "to": "makers"},
]


def some(where: str) -> Record:
    """Give a rule about some rows; its examples are those of tests."""
    return {"fields": ["maker"], "where": where, "examples": [{"cost": "1.00"}, {"cost": None}]}


RULES: Record = {
    "unique_together": [
        ["price", "maker"],
        some("cost IS NULL OR name = 'a:%'"),
        ["maker", "cost"],
    ],
    "indexes": [["maker", "price"], ["cost"]],
    "checks": ["price >= cost", "cost > 0 OR name <> 'a''b:% \"'"],
    "examples": [{"name": name, "price": "2.50", "cost": "1.00"} for name in "ab"],
    "versioned": True,
    "search": ["name"],
}
MAKERS: Record = {
    "name": "makers",
    "entity": "Maker",
    "fields": [{"name": "name", "type": "str", "unique": True}],
}


def module(name: str, entity: str, fields: list[Record] = FIELDS, **rules: Any) -> Record:
    """Give a module with some rules."""
    return {"name": name, "entity": entity, "fields": fields, **rules}


WIDER = {**PRICE, "precision": 12, "scale": 4}
COSTED = [{**field, "name": "expense"} if field["name"] == "cost" else field for field in FIELDS]
RENAMED: Record = {
    "unique_together": [
        ["price", "maker"],
        some("expense IS NULL OR name = 'a:%'"),
        ["maker", "expense"],
    ],
    "indexes": [["maker", "price"], ["expense"]],
    "checks": ["price >= expense", "expense > 0 OR name <> 'a''b:% \"'"],
    "examples": [{"name": name, "price": "2.50", "expense": "1.00"} for name in "ab"],
    "versioned": True,
    "search": ["name"],
}
CHANGED = [{**field, **WIDER} if field["type"] == "decimal" else field for field in FIELDS]
OLD = [
    MAKERS,
    module("bound", "Bound"),
    module("freed", "Freed", **RULES),
    module("renaming", "Renaming", **RULES),
    module("moving", "Moving", **RULES),
    module("changing", "Changing", **RULES),
    module("hardening", "Hardening", **RULES),
    module("softening", "Softening", deletion="hard", **RULES),
    module("hard", "Hard", deletion="hard", **RULES),
    module("dying", "Dying", **RULES),
]
MORE: list[Record] = [{"name": "code", "type": "str", "nullable": True, "unique": True}]
NEW = [
    MAKERS,
    module("bound", "Bound", **RULES),
    module("freed", "Freed"),
    module("renaming", "Renaming", COSTED, **RENAMED),
    module("moved", "Moving", **RULES),
    module("changing", "Changing", CHANGED, **RULES),
    module("hardening", "Hardening", deletion="hard", **{**RULES, "unique_together": []}),
    module("softening", "Softening", **RULES),
    module("harder", "Hard", [*FIELDS, *MORE], deletion="hard", **RULES),
]
STEPS: list[Record] = [
    {"module": "bound", "operation": "change_rules", "old": OLD[1], "new": NEW[1]},
    {"module": "freed", "operation": "change_rules", "old": OLD[2], "new": NEW[2]},
    {"module": "renaming", "operation": "rename_field", "old": FIELDS[2], "new": COSTED[2]},
    {"module": "moved", "operation": "rename_module", "old": "moving", "record": NEW[4]},
    {
        "module": "changing",
        "operation": "change_fields",
        "changes": [{"old": FIELDS[n], "new": CHANGED[n]} for n in (1, 2)],
        "backfill": {},
    },
    {"module": "hardening", "operation": "change_rules", "old": OLD[6], "new": NEW[6]},
    {"module": "softening", "operation": "change_rules", "old": OLD[7], "new": NEW[7]},
    {
        "module": "harder",
        "operation": "rename_module",
        "old": "hard",
        "record": NEW[8] | {"fields": FIELDS},
    },
    {"module": "harder", "operation": "add_fields", "fields": MORE, "backfill": {}},
    {"module": "dying", "operation": "drop", "record": OLD[-1]},
]
ROWS: list[tuple[str, str, Record]] = [
    ("makers", "Maker", {"id": ANN, "name": "ann"}),
    ("makers", "Maker", {"id": BOB, "name": "bob"}),
    *(
        (one["name"], one["entity"], {"id": id_, "price": "2.50", "friend_ids": [ANN], **values})
        for one in OLD[1:]
        for id_, values in (
            (FIRST, {"name": "a", "cost": "2.50", "maker_id": ANN}),
            (SECOND, {"name": "b", "cost": None, "maker_id": BOB}),
        )
    ),
]


def stepped(name: str) -> list[Record]:
    """Give the steps as an operation records them, on top of a revision."""
    return chain([with_rules(step, OLD, NEW) for step in STEPS], name)


def test_rules_come_and_go_with_the_rows_that_are_there(place: Place) -> None:
    """The tables are what new ones would be, and what they were on the way back."""
    rows = go_up_and_down(place, OLD, NEW, stepped, ROWS)

    assert [row["version"] for row in rows.migrated["bound"]] == [1, 1]
    assert [row["expense"] for row in rows.migrated["renaming"]] == ["2.50", None]
    assert without_mixin(rows.migrated["moved"]) == without_mixin(rows.before["moving"])
    assert [row["cost"] for row in rows.migrated["changing"]] == ["2.5000", None]
    assert rows.before.pop("dying")
    assert rows.restored.pop("dying") == []
    assert without_versions(rows.restored) == without_versions(rows.before)


def without_versions(rows: dict[str, list[Record]]) -> dict[str, list[Record]]:
    """Leave out what is new when a column is restored."""
    return {
        name: [{k: v for k, v in row.items() if k != "version"} for row in found]
        for name, found in rows.items()
    }


REFUSED: dict[str, tuple[Record, str]] = {
    "together": ({"unique_together": [["price", "maker"]]}, "price, maker_id must be unique"),
    "partial": (
        {"unique_together": [some("cost > 0")]},
        "maker_id must be unique",
    ),
    "checked": ({"checks": ["price > cost"]}, "price > cost must be true for every row"),
    "marked": ({"deletion": "hard"}, "is_deleted marks deleted rows"),
}


def test_rules_that_rows_break_are_refused_before_anything_changes(place: Place) -> None:
    """How many rows, and which rule."""
    create_databases(place, "broken")
    modules = [MAKERS, *(module(name, name.title()) for name in REFUSED)]
    created = creations(modules)
    below = created[-1]["revision"]
    steps = [
        {
            "module": old["name"],
            "operation": "change_rules",
            "old": old,
            "new": {**old, **REFUSED[old["name"]][0]},
            "revision": old["name"],
            "down_revision": below,
            "date": "2026-11-21",
            "slug": old["name"],
        }
        for old in modules[1:]
    ]
    service = place.service("service", modules, [*created, *steps], "broken")
    same = {"price": "1.00", "cost": "1.00", "maker_id": ANN}
    rows = [
        *ROWS[:2],
        *(
            (one["name"], one["entity"], {"id": id_, "name": id_, **same})
            for one in modules[1:]
            for id_ in (FIRST, SECOND)
        ),
    ]

    _, _, _, found = service.do(
        ("upgrade", below), ("insert", rows), ("mark", "marked"), ("refuse", list(REFUSED))
    )

    for (name, (_, words)), (message, is_same) in zip(REFUSED.items(), found, strict=True):
        assert message.startswith(f"{name}."), message
        assert words in message, message
        assert message.endswith("invalid rows: 2"), message
        assert is_same, message


@pytest.mark.parametrize("place", DATABASES[:1], indirect=True)
def test_migrations_of_rules_pass_the_checks_of_the_service(place: Place) -> None:
    """A service's own lint and format find nothing in what the operations write.

    `test_rules_change.py` checks the types.
    """
    created = creations(OLD)
    steps = [*created, *stepped(created[-1]["revision"])]
    project = place.service("checked", OLD, steps, "checked").project

    assert versions(place, DATABASES[0], OLD, steps) == versions(place, DATABASES[1], OLD, steps)
    lint(place, project)
