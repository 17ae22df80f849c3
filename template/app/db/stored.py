"""Writes rows, and gives them the values that the database returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.attributes import set_committed_value

from app.db.types import ExactDecimal, ExactInterval, JsonList, UtcDateTime

Values = Mapping[str, Any]
Normalize = Callable[[Any], Any]
# The database returns these values unchanged. Values of other types, such as JSON, are read back.
KEPT = (sa.String, sa.Integer, sa.Boolean, sa.Date, sa.Time, sa.Uuid, sa.LargeBinary, sa.Double)


async def save_row(session: AsyncSession, row: DeclarativeBase, values: Values) -> None:
    """Write values to a row, and give it those that the database returns."""
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    await session.flush()
    functions, unknown = _columns(type(row))
    for name, function in functions.items():
        if (value := row.__dict__.get(name)) is not None:
            set_committed_value(row, name, function(value))
    computed = sa.inspect(row).unloaded & {*sa.inspect(type(row)).column_attrs.keys()}
    computed |= {name for name in unknown if row.__dict__.get(name) is not None}
    if computed:
        await session.refresh(row, sorted(computed))


@cache
def _columns(model: type[DeclarativeBase]) -> tuple[dict[str, Normalize], set[str]]:
    """Return how columns of a model are normalized, and the columns that must be read back."""
    functions: dict[str, Normalize] = {}
    unknown: set[str] = set()
    for attribute in sa.inspect(model).column_attrs:
        kind = attribute.columns[0].type
        if (function := _normalization(kind)) is not None:
            functions[attribute.key] = function
        elif not isinstance(kind, (*KEPT, ExactInterval)):
            unknown.add(attribute.key)
    return functions, unknown


def _normalization(kind: sa.types.TypeEngine[Any]) -> Normalize | None:
    match kind:
        case ExactDecimal():
            return kind.quantize
        case UtcDateTime():
            return kind.in_utc
        case JsonList():
            return kind.normalize
        case _:
            return None
