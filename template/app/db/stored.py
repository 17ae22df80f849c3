"""Writes rows, and gives them the values that the database returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.attributes import set_committed_value

from app.db.types import ExactDecimal, ExactInterval, JsonList, UtcDateTime, in_utc

Values = Mapping[str, Any]
Normalize = Callable[[Any], Any]
# The database returns these values unchanged. Values of other types, such as JSON, are read back.
KEPT = (sa.String, sa.Integer, sa.Boolean, sa.Date, sa.Time, sa.Uuid, sa.LargeBinary, sa.Double)


async def save_row(session: AsyncSession, row: DeclarativeBase, values: Values) -> None:
    """Write values to a row, and give it those that the database returns."""
    for name, value in values.items():
        setattr(row, name, value)
    if row not in session:
        session.add(row)
    await session.flush()
    names, functions, unknown = _columns(type(row))
    loaded = row.__dict__
    for name, function in functions.items():
        if (value := loaded.get(name)) is not None and (stored := function(value)) is not value:
            set_committed_value(row, name, stored)
    computed = names - loaded.keys()
    computed |= {name for name in unknown if loaded.get(name) is not None}
    if computed:
        await session.refresh(row, sorted(computed))


@cache
def _columns(
    model: type[DeclarativeBase],
) -> tuple[frozenset[str], dict[str, Normalize], set[str]]:
    """Return the columns of a model, how they are normalized, and those that must be read back."""
    attributes = sa.inspect(model).column_attrs
    # No response has vectors, so they are not read back.
    columns = [column for column in attributes if not hasattr(column.columns[0].type, "dimension")]
    functions: dict[str, Normalize] = {}
    unknown: set[str] = set()
    for column in columns:
        kind = column.columns[0].type
        if (function := _normalization(kind)) is not None:
            functions[column.key] = function
        elif not isinstance(kind, (*KEPT, ExactInterval)):
            unknown.add(column.key)
    return frozenset(column.key for column in columns), functions, unknown


def _normalization(kind: sa.types.TypeEngine[Any]) -> Normalize | None:
    match kind:
        case ExactDecimal():
            return kind.quantize
        case UtcDateTime():
            return in_utc
        case JsonList():
            return kind.normalize
        case _:
            return None
