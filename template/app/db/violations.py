"""Read which rule of the database a statement broke, in words that an answer may use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import IntegrityError

_SQLITE_COLUMN = re.compile(r"\w+\.(\w+)")
_CONSTRAINT_SUFFIX = re.compile(r"_(key|fkey|pkey)$")


@dataclass(frozen=True)
class Violation:
    """A broken rule and the columns it is about, as far as the database tells them."""

    rule: Literal["unique", "reference", "other"]
    fields: tuple[str, ...] = ()


def read_violation(error: IntegrityError) -> Violation:
    """Return what was violated, on PostgreSQL as well as on SQLite."""
    if getattr(error.orig, "sqlstate", None):
        return _from_postgresql(error)
    return _from_sqlite(str(error.orig))


def _from_postgresql(error: IntegrityError) -> Violation:
    """PostgreSQL names the constraint, and the naming convention tells its column."""
    cause = getattr(error.orig, "__cause__", None)
    constraint = getattr(cause, "constraint_name", None) or ""
    table = getattr(cause, "table_name", None) or ""
    column = _CONSTRAINT_SUFFIX.sub("", constraint.removeprefix(f"{table}_"))
    fields = (column,) if column else ()
    match getattr(error.orig, "sqlstate", ""):
        case "23505":
            return Violation("unique", fields)
        case "23503" | "23001":
            return Violation("reference", fields)
        case _:
            return Violation("other", fields)


def _from_sqlite(message: str) -> Violation:
    """SQLite lists the columns of a unique index, and says nothing about a foreign key."""
    if message.startswith("UNIQUE"):
        return Violation("unique", tuple(_SQLITE_COLUMN.findall(message)))
    if message.startswith("FOREIGN KEY"):
        return Violation("reference")
    return Violation("other")
