"""Reads which constraint a statement violated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.db.base import Base

_SQLITE_COLUMN = re.compile(r"(\w+)\.(\w+)")
# In every language, PostgreSQL writes: Key (sku, shop)=(tea, north) already exists.
_POSTGRESQL_COLUMNS = re.compile(r'[^(]*\(([\w", ]+)\)=')
_WORD = re.compile(r"\w+")
# PostgreSQL aborted a transaction or a statement that waited too long.
_BUSY = {"40001", "40P01", "55P03", "57014"}


@dataclass(frozen=True)
class Violation:
    """A violated constraint and its columns, as far as the database reports them."""

    rule: Literal["unique", "reference", "check", "other"]
    fields: tuple[str, ...] = ()


def read_violation(error: IntegrityError) -> Violation:
    """Return the violated constraint, on PostgreSQL and SQLite."""
    if getattr(error.orig, "sqlstate", None):
        return _from_postgresql(error)
    return _from_sqlite(str(error.orig))


def is_busy(error: DBAPIError) -> bool:
    """Return whether another transaction caused the error, so that a retry may succeed."""
    state = getattr(error.orig, "sqlstate", None)
    return state in _BUSY or getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")


def _from_postgresql(error: IntegrityError) -> Violation:
    """PostgreSQL reports the columns of a key and the name of a check."""
    cause = getattr(error.orig, "__cause__", None)
    key = _POSTGRESQL_COLUMNS.match(getattr(cause, "detail", None) or "")
    columns = tuple(_WORD.findall(key[1])) if key else ()
    match getattr(error.orig, "sqlstate", ""):
        case "23505":
            return Violation("unique", _sent(getattr(cause, "table_name", None), columns))
        case "23503" | "23001":
            return Violation("reference", columns)
        case "23514":
            return Violation("check", _checked(getattr(cause, "constraint_name", "")))
        case _:
            return Violation("other")


def _from_sqlite(message: str) -> Violation:
    """SQLite reports the columns of a unique index, and nothing about a foreign key."""
    if message.startswith("UNIQUE"):
        found = _SQLITE_COLUMN.findall(message)
        table = found[0][0] if found else None
        return Violation("unique", _sent(table, tuple(column for _, column in found)))
    if message.startswith("FOREIGN KEY"):
        return Violation("reference")
    if message.startswith("CHECK"):
        return Violation("check", _checked(message.rpartition(" ")[2]))
    return Violation("other")


def _sent(name: str | None, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Remove the owner's column, which clients do not send."""
    table = Base.metadata.tables.get(name or "")
    owners = [] if table is None else [c.name for c in table.c if c.info.get("is_owner")]
    return tuple(column for column in columns if column not in owners)


def _checked(name: str) -> tuple[str, ...]:
    """Return the columns that the text of a check names."""
    for table in Base.metadata.tables.values():
        for check in table.constraints:
            if isinstance(check, sa.CheckConstraint) and check.name == name:
                words = set(_WORD.findall(str(check.sqltext)))
                return tuple(column.name for column in table.columns if column.name in words)
    return ()
