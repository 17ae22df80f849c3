"""Text search in several columns.

On PostgreSQL each column has an index of the groups of three letters in its texts, for which the
database needs the extension `pg_trgm`.
"""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from app.db.keyset import Columns
from app.db.lists import index_name

Row = TypeVar("Row")
ESCAPE = "/"


def search_index(table: str, column: str) -> sa.Index:
    """Return the index for searches in a column. It is for PostgreSQL, and empty on SQLite."""
    return sa.Index(
        index_name(table, column, "search_idx"),
        column,
        postgresql_using="gin",
        postgresql_ops={column: "gin_trgm_ops"},
        sqlite_where=sa.text("0"),
    )


def where_contains(statement: sa.Select[Row], columns: Columns, text: str | None) -> sa.Select[Row]:
    """Select the rows that contain a text in one of the columns, ignoring case.

    Wildcards of `LIKE` are escaped. An omitted search is `None`.
    """
    if text is None:
        return statement
    pattern = "".join(f"{ESCAPE}{letter}" if letter in "%_/" else letter for letter in text)
    matches = [column.ilike(f"%{pattern}%", escape=ESCAPE) for column in columns.values()]
    return statement.where(sa.or_(*matches))
