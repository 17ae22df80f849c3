"""Text search in several columns."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from app.db.keyset import Columns

Row = TypeVar("Row")


def where_contains(statement: sa.Select[Row], columns: Columns, text: str | None) -> sa.Select[Row]:
    """Select the rows that contain a text in one of the columns, ignoring case.

    Wildcards of `LIKE` are escaped. An omitted search is `None`.
    """
    if text is None:
        return statement
    found = [column.icontains(text, autoescape=True) for column in columns.values()]
    return statement.where(sa.or_(*found))
