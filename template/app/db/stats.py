"""Counts and sums over the rows of a list, computed by the database in one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.common.row_filters import RowFilters
from app.db.keyset import where_matches
from app.db.types import ExactDecimal, ExactInterval

# One value, or one for each value of a column.
Aggregate = sa.ColumnElement[Any] | Mapping[Any, sa.ColumnElement[int]]
Aggregates = Mapping[str, Aggregate]
# The sum of no rows, for types whose values are no plain numbers.
ZEROS: Mapping[type[Any], Any] = {ExactDecimal: Decimal(), ExactInterval: dt.timedelta()}


def counts(column: InstrumentedAttribute[Any]) -> dict[Any, sa.ColumnElement[int]]:
    """Return, for each value of an enum or a boolean, how many rows have it."""
    values = column.type.enums if isinstance(column.type, sa.Enum) else (False, True)
    return {value: sa.func.count().filter(column == value) for value in values}


def total(column: InstrumentedAttribute[Any]) -> sa.ColumnElement[Any]:
    """Return the sum of the values; it is 0 without rows."""
    zero = ZEROS.get(type(column.type), 0)
    return sa.func.coalesce(sa.func.sum(column), sa.literal(zero, column.type))


async def fetch_stats(
    session: AsyncSession,
    statement: sa.Select[Any],
    aggregates: Aggregates,
    filters: RowFilters,
) -> dict[str, Any]:
    """Fetch the aggregates of the selected rows."""
    model = statement.column_descriptions[0]["entity"]
    times = {"created_at": model.created_at, "updated_at": model.updated_at}
    statement = where_matches(statement, times, filters)
    columns = list(chain.from_iterable(map(_columns, aggregates.values())))
    selected = statement.with_only_columns(*columns, maintain_column_froms=True)
    values = iter((await session.execute(selected)).one())
    return {
        name: {value: next(values) for value in one} if isinstance(one, Mapping) else next(values)
        for name, one in aggregates.items()
    }


def _columns(aggregate: Aggregate) -> list[sa.ColumnElement[Any]]:
    return [*aggregate.values()] if isinstance(aggregate, Mapping) else [aggregate]
