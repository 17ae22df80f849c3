"""Indexes of tables with soft deletion."""

from __future__ import annotations

import sqlalchemy as sa


def unique_key(table: str, *columns: str) -> sa.Index:
    """Return a unique index of the rows that are not deleted: deleted values can be reused."""
    return sa.Index(
        f"{table}_{'_'.join(columns)}_key",
        *columns,
        unique=True,
        postgresql_where=sa.text("NOT is_deleted"),
        sqlite_where=sa.text("is_deleted = 0"),
    )
