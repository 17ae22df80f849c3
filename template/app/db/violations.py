"""Errors of the database: violated constraints, and servers that are busy or unavailable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.db.base import Base, owner_column

_SQLITE_COLUMN = re.compile(r"(\w+)\.(\w+)")
_SQLITE_INDEX = re.compile(r"index '(\w+)'")
# In every language, PostgreSQL writes: Key (sku, shop)=(tea, north) already exists.
_POSTGRESQL_COLUMNS = re.compile(r'[^(]*\(([\w", ]+)\)=')
_WORD = re.compile(r"\w+")
# PostgreSQL aborted a transaction or a statement that waited too long.
_BUSY = {"40001", "40P01", "55P03", "57014"}
# Connection errors, rejected logins, shutdowns, a standby, and a server without connections or space.
_DOWN = ("08", "28", "3D", "53", "57P", "58", "25006")
_SQLITE_DOWN = ("SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")


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


def is_busy(error: Exception) -> bool:
    """Return whether another transaction caused the error, so that a retry may succeed."""
    cause = getattr(error, "orig", None)
    is_locked = getattr(cause, "sqlite_errorname", "").startswith("SQLITE_BUSY")
    return is_locked or getattr(cause, "sqlstate", None) in _BUSY


def is_down(error: DBAPIError) -> bool:
    """Return whether the server, or the file of the database, cannot be used at the moment."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    has_failed = getattr(error.orig, "sqlite_errorname", "").startswith(_SQLITE_DOWN)
    return error.connection_invalidated or has_failed or state.startswith(_DOWN)


def _from_postgresql(error: IntegrityError) -> Violation:
    """PostgreSQL reports the columns of a key and the name of a check."""
    cause = getattr(error.orig, "__cause__", None)
    key = _POSTGRESQL_COLUMNS.match(getattr(cause, "detail", None) or "")
    columns = tuple(_WORD.findall(key[1])) if key else ()
    columns = columns or _named(getattr(cause, "constraint_name", None))
    match getattr(error.orig, "sqlstate", ""):
        case "23505":
            return Violation("unique", _sent(getattr(cause, "table_name", None), columns))
        case "23503" | "23001":
            return Violation("reference", columns)
        case "23514":
            return Violation("check", _named(getattr(cause, "constraint_name", "")))
        case _:
            return Violation("other")


def _from_sqlite(message: str) -> Violation:
    """SQLite reports the columns of a unique index, and nothing about a foreign key."""
    if message.startswith("UNIQUE"):
        found = _SQLITE_COLUMN.findall(message)
        index = _SQLITE_INDEX.search(message)
        columns = tuple(column for _, column in found) or _named(index and index[1])
        return Violation("unique", _sent(found[0][0] if found else None, columns))
    if message.startswith("FOREIGN KEY"):
        return Violation("reference")
    if message.startswith("CHECK"):
        return Violation("check", _named(message.rpartition(" ")[2]))
    return Violation("other")


def _sent(name: str | None, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Remove the owner's column, which clients do not send."""
    table = Base.metadata.tables.get(name or "")
    owner = "" if table is None else owner_column(table)
    return tuple(column for column in columns if column != owner)


def _named(name: str | None) -> tuple[str, ...]:
    """Return the columns in the text of a check, or in the expressions of an index."""
    for table in Base.metadata.tables.values():
        checks = [rule for rule in table.constraints if isinstance(rule, sa.CheckConstraint)]
        texts = {str(check.name): str(check.sqltext) for check in checks}
        texts |= {str(index.name): " ".join(map(str, index.expressions)) for index in table.indexes}
        if name in texts:
            words = set(_WORD.findall(texts[name]))
            return _sent(table.name, tuple(c.name for c in table.columns if c.name in words))
    return ()
