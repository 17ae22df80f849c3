"""Keyset pagination: a page starts after a row, not at an offset, so every page costs the same.

Rows are ordered by a column and then by their identifier, which is the order of an index (see
`app.db.lists`). Rows without a value come last in both directions, so they are a second range of
the index. A cursor contains the order, and the value and identifier of the last row of a page.
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
from app.common.schemas import Model, PageQuery, Schema
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


class Cursor(Model):
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
        """Whether rows may have no value."""
        return bool(self.column.property.columns[0].nullable)

    @property
    def columns(self) -> list[InstrumentedAttribute[Any]]:
        """The columns of the order: their values are unique together."""
        return [self.id] if self.column.key == self.id.key else [self.column, self.id]

    def sorted(self, statement: sa.Select[Row]) -> sa.Select[Row]:
        return statement.order_by(*(c.desc() if self.descending else c for c in self.columns))

    def ranges(self, last: tuple[Any, uuid.UUID] | None) -> list[list[sa.ColumnElement[bool]]]:
        """Return the conditions of the rows after the last one, or of all, in their order."""
        passed = [self._passed(*last)] if last else []
        if not self.nullable:
            return [passed]
        with_value, without = self.column.is_not(None), self.column.is_(None)
        if last and last[0] is None:
            return [[without, *passed]]
        return [[with_value, *passed], [without]]

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

    def _passed(self, value: Any, item_id: uuid.UUID) -> sa.ColumnElement[bool]:
        values = {self.column.key: value, self.id.key: item_id}
        columns = [self.id] if value is None else self.columns
        last = (sa.literal(values[column.key], column.type) for column in columns)
        row, end = sa.tuple_(*columns), sa.tuple_(*last)
        return row < end if self.descending else row > end


def where_matches(statement: sa.Select[Row], filters: Columns, query: Schema) -> sa.Select[Row]:
    """Select the rows that match every filter of a query. An omitted filter is `None`.

    A filter `total` has values, any of which a row can have. Parameters such as `total_min` compare
    the column with one value; see `COMPARISONS`.
    """
    for name in sorted(query.model_fields_set):
        if (value := getattr(query, name)) is None:
            continue
        column, _, ending = name.rpartition("_")
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
    last = order.read_cursor(query.cursor) if query.cursor is not None else None
    rows: list[Any] = []
    for conditions in order.ranges(last):
        if missing := query.limit + 1 - len(rows):
            page = order.sorted(statement.where(*conditions)).limit(missing)
            rows += await session.scalars(page)
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
