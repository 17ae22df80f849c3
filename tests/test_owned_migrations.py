"""Migrations of owned rows: rules apply among the rows of one owner."""

from __future__ import annotations

from typing import Any

from tests.evolutions import ANN, BOB, FIRST, SECOND, Record
from tests.migrated import (
    DATABASES,
    Place,
    chain,
    create_databases,
    lint,
    place,
    server,
)
from tests.released import programs, template

__all__ = ["place", "programs", "server", "template"]  # pytest finds the fixtures by their names

USERS: Record = {
    "module": "users",
    "operation": "create_parts",
    "old": [],
    "new": ["users"],
    "answers": "auth: jwt",
}
CODE: Record = {"name": "code", "type": "str"}
SIZE: Record = {"name": "size", "type": "int", "nullable": True}
NEAR: Record = {"name": "near", "type": "uuid"}
LEADS: Record = {"name": "near", "type": "ref", "to": "folders"}
RANK: Record = {"name": "rank", "type": "int", "unique": True}
FILLED: Record = {"operation": "add_fields", "fields": [RANK], "backfill": {"rank": 3}}
HERS, HIS = [ANN, ANN], [ANN, BOB]


def changed(old: Record, **new: Any) -> Record:
    """Give the migration that changes a field."""
    return {"operation": "change_fields", "changes": [{"old": old, "new": {**old, **new}}]}


# By module: its field, the migration, the values of two rows, whose those are, and the refusal.
CASES: dict[str, tuple[Record, Record, list[Any], list[str], str]] = {
    "free": (CODE, changed(CODE, unique=True), ["x", "x"], HIS, ""),
    "taken": (
        CODE,
        changed(CODE, unique=True),
        ["x", "x"],
        HERS,
        "user_id, code must be unique; invalid rows: 2",
    ),
    "spread": (CODE, FILLED, ["x", "y"], HIS, ""),
    "filled": (
        CODE,
        FILLED,
        ["x", "y"],
        HERS,
        "must be unique: several rows cannot have the same value",
    ),
    "sized": (
        SIZE,
        {**changed(SIZE, unique=True, nullable=False), "backfill": {"size": 7}},
        [None, None],
        HERS,
        "must be unique: several rows cannot have the same value",
    ),
    "leading": (NEAR, changed(NEAR, **LEADS), [FIRST, SECOND], HIS, ""),
    "straying": (
        NEAR,
        changed(NEAR, **LEADS),
        [FIRST, SECOND],
        HERS,
        "must be the id of a row of folders; invalid rows: 1",
    ),
}


def owned(name: str, *fields: Record, **rules: Any) -> Record:
    """Give a module whose rows are a user's."""
    more = {"fields": list(fields), "owned_by": "user", **rules}
    return {"name": name, "entity": entity(name), **more}


def entity(name: str) -> str:
    """Give the class of a module."""
    return name.title().replace("_", "")


def test_rows_have_to_fit_among_those_of_their_owner(place: Place) -> None:
    """The values of another owner's rows do not conflict, and cannot be referred to."""
    create_databases(place, "owned")
    folders = owned("folders", CODE)
    modules = [
        folders,
        *(
            owned(f"{name}{kind}", field, **({"deletion": "hard"} if kind else {}))
            for name, (field, *_) in CASES.items()
            for kind in ("", "_hard")
        ),
    ]
    created = chain([USERS, *({"module": m["name"], "operation": "create"} for m in modules)])
    below = created[-1]["revision"]
    named = {one["name"]: CASES[one["name"].removesuffix("_hard")] for one in modules[1:]}
    steps = [
        {"backfill": {}, **step, "module": name, "revision": name, "down_revision": below}
        | {"slug": name, "date": "2026-11-21"}
        for name, (_, step, *_) in named.items()
    ]
    service = place.service("service", modules, [*created, *steps], "owned", auth="jwt")
    rows = [
        ("folders", "Folders", {"id": FIRST, "user_id": ANN, "code": "a"}),
        ("folders", "Folders", {"id": SECOND, "user_id": BOB, "code": "a"}),
        *(
            (name, entity(name), {"id": id_, "user_id": owner, field["name"]: value})
            for name, (field, _, values, owners, _) in named.items()
            for id_, owner, value in zip((FIRST, SECOND), owners, values, strict=True)
        ),
    ]

    _, _, _, found = service.do(
        ("upgrade", below), ("register", [ANN, BOB]), ("insert", rows), ("refuse", list(named))
    )

    for (name, (*_, words)), (message, is_same) in zip(named.items(), found, strict=True):
        assert (words or "it was not refused") in message, f"{name}: {message}"
        assert is_same == bool(words), message
    if place.kind == DATABASES[0]:
        lint(place, service.project)
