"""Indexes of tables with soft deletion."""

from __future__ import annotations

import re

import sqlalchemy as sa

_LOWER = re.compile(r"lower\((\w+)\)")


def unique_key(table: str, *columns: str) -> sa.Index:
    """Return a unique index of the rows that are not deleted: deleted values can be reused.

    With `lower(name)`, values that differ only in case are the same.
    """
    names = _LOWER.sub(r"\1", "_".join(columns))
    return sa.Index(
        f"{table}_{names}_key",
        *(sa.text(column) if _LOWER.match(column) else column for column in columns),
        unique=True,
        postgresql_where=sa.text("NOT is_deleted"),
        sqlite_where=sa.text("is_deleted = 0"),
    )
