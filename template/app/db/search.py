"""Search: the rows that have a text somewhere in one of several columns."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from app.db.keyset import Columns

Row = TypeVar("Row")


def where_contains(statement: sa.Select[Row], columns: Columns, text: str | None) -> sa.Select[Row]:
    """Keep the rows that have a text in one of the columns, in capitals or not.

    What `LIKE` reads as a pattern stands for itself. A search that was left out is `None`.
    """
    if text is None:
        return statement
    found = [column.icontains(text, autoescape=True) for column in columns.values()]
    return statement.where(sa.or_(*found))
