"""Keyset pagination: a page starts after a row, not at an offset, so every page costs the same.

Rows are ordered by a column and then by their identifier. Rows without a value come last in both
directions. A cursor contains the order, and the value and identifier of the last row of a page.
"""

from __future__ import annotations

import binascii
import decimal
import operator
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, RelationshipProperty

from app.common.errors import UnprocessableError
from app.common.schemas import PageQuery, Schema
from app.common.types import Duration, Finite, Instant, Int32, Int64
from app.db.types import ExactDecimal, ExactInterval, UtcDateTime

ERROR_INVALID_CURSOR = "The cursor belongs to another list or order, or is damaged"

Row = TypeVar("Row")
Columns = Mapping[str, InstrumentedAttribute[Any]]
# The comparison of a column with the value of a parameter, by the ending of its name.
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "min": operator.ge,
    "max": operator.le,
    "from": operator.ge,
    "before": operator.lt,
    "null": lambda column, is_null: column.is_(None) if is_null else column.is_not(None),
}


class Cursor(Schema):
    order: str
    value: Any
    id: uuid.UUID


@dataclass(frozen=True)
class Rows(Generic[Row]):
    items: Sequence[Row]
    next_cursor: str | None
    total: int | None


@dataclass(frozen=True)
class Order:
    column: InstrumentedAttribute[Any]
    id: InstrumentedAttribute[Any]
    descending: bool

    @property
    def name(self) -> str:
        """The order's name, unique among the orders of all tables."""
        return f"{'-' if self.descending else ''}{self.column}"

    @property
    def nullable(self) -> bool:
        """Whether rows may have no value. Sorting them last needs a clause without an index."""
        return bool(self.column.property.columns[0].nullable)

    def sorted(self, statement: sa.Select[Row]) -> sa.Select[Row]:
        columns = (self.column, self.id)
        directions = [column.desc() if self.descending else column.asc() for column in columns]
        nulls_last = [self.column.is_(None)] if self.nullable else []
        return statement.order_by(*nulls_last, *directions)

    def after(self, value: Any, item_id: uuid.UUID) -> sa.ColumnElement[bool]:
        if value is None:
            return sa.and_(self.column.is_(None), self._passed(self.id, item_id))
        passed = sa.or_(
            self._passed(self.column, value),
            sa.and_(self.column == value, self._passed(self.id, item_id)),
        )
        return sa.or_(passed, self.column.is_(None)) if self.nullable else passed

    def cursor_of(self, row: Any) -> str:
        value = _adapter(self.column.type).dump_python(getattr(row, self.column.key), mode="json")
        cursor = Cursor(order=self.name, value=value, id=row.id)
        return urlsafe_b64encode(cursor.model_dump_json().encode()).decode()

    def read_cursor(self, text: str) -> tuple[Any, uuid.UUID]:
        """Return the value and identifier in a cursor, or raise 422 if it has another order."""
        try:
            cursor = Cursor.model_validate_json(urlsafe_b64decode(text.encode()))
            value = _adapter(self.column.type).validate_python(cursor.value)
        except (ValidationError, binascii.Error) as error:
            raise UnprocessableError(
                ERROR_INVALID_CURSOR, "cursor", code="invalid_cursor"
            ) from error
        if cursor.order != self.name or (value is None and not self.nullable):
            raise UnprocessableError(ERROR_INVALID_CURSOR, "cursor", code="invalid_cursor")
        return value, cursor.id

    def _passed(self, column: InstrumentedAttribute[Any], value: Any) -> sa.ColumnElement[bool]:
        passed: sa.ColumnElement[bool] = column < value if self.descending else column > value
        return passed


def where_matches(statement: sa.Select[Row], filters: Columns, query: PageQuery) -> sa.Select[Row]:
    """Select the rows that match every filter of a query. An omitted filter is `None`.

    A filter `total` has values, any of which a row can have. Parameters such as `total_min` compare
    the column with one value; see `COMPARISONS`.
    """
    for name in type(query).model_fields:
        value = getattr(query, name)
        column, _, ending = name.rpartition("_")
        if value is None:
            continue
        if name in filters:
            statement = statement.where(_is_any(filters[name], value))
        elif column in filters and ending in COMPARISONS:
            statement = statement.where(COMPARISONS[ending](filters[column], value))
    return statement


def _is_any(column: InstrumentedAttribute[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Return whether the column has one of the values, or the relationship one of the ids."""
    if isinstance(column.property, RelationshipProperty):
        return column.any(column.property.mapper.class_.id.in_(values))
    return column.in_(values)


async def fetch_page(
    session: AsyncSession,
    statement: sa.Select[Row],
    sort: str,
    query: PageQuery,
) -> Rows[Row]:
    """Fetch one page, and one more row to find out whether there is a next page.

    `sort` is an attribute of the selected model, after a `-` for the descending order.
    """
    model = statement.column_descriptions[0]["entity"]
    times = {"created_at": model.created_at, "updated_at": model.updated_at}
    statement = where_matches(statement, times, query)
    total = await count_rows(session, statement) if query.count else None
    order = Order(getattr(model, sort.removeprefix("-")), model.id, sort.startswith("-"))
    if query.cursor is not None:
        statement = statement.where(order.after(*order.read_cursor(query.cursor)))
    result = await session.scalars(order.sorted(statement).limit(query.limit + 1))
    rows = result.all()
    items = rows[: query.limit]
    return Rows(items, order.cursor_of(items[-1]) if len(rows) > len(items) else None, total)


async def count_rows(session: AsyncSession, statement: sa.Select[Any]) -> int:
    counted = sa.select(sa.func.count()).select_from(statement.subquery())
    return await session.scalar(counted) or 0


@cache
def _adapter(kind: sa.types.TypeEngine[Any]) -> TypeAdapter[Any]:
    """Return the adapter for a column's values in cursors, with the limits of the column."""
    return TypeAdapter(_annotation(kind) | None)


def _annotation(kind: sa.types.TypeEngine[Any]) -> Any:
    match kind:
        case sa.BigInteger():
            return Int64
        case sa.Integer():
            return Int32
        case sa.Double():
            return Finite
        case ExactDecimal(precision=digits, scale=places):
            return Annotated[decimal.Decimal, Field(max_digits=digits, decimal_places=places)]
        case UtcDateTime():
            return Instant
        case ExactInterval():
            return Duration
        case _:
            return kind.python_type
