"""Column types that behave the same on PostgreSQL and SQLite."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

ERROR_NAIVE_DATETIME = "A datetime must have an offset from UTC"
MICROSECOND = dt.timedelta(microseconds=1)
MAX_DIGITS = 1_000  # of a decimal in PostgreSQL
# A decimal in JSON has no exponent, unless it would be a very long text.
MAX_PLAIN_DIGITS = 40
# PostgreSQL stores JSON in its binary form. `None` is stored as SQL's NULL, not as JSON's null.
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


class _Native(sa.TypeDecorator[Any]):
    """A type whose values PostgreSQL's driver returns as they are: no Python runs for each."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None


class UtcDateTime(_Native):
    """A datetime with a time zone, stored in UTC.

    SQLite has no time zones: values are stored there without their offset.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        utc = in_utc(value)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        return None if value is None else value.replace(tzinfo=dt.UTC)


class ExactDecimal(_Native):
    """A number with a fixed number of decimal places.

    SQLite would store a float and lose digits, so the number of the smallest units is stored there.
    """

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        exact = sa.BigInteger() if dialect.name == "sqlite" else self.impl_instance
        return dialect.type_descriptor(exact)

    def quantize(self, value: Decimal) -> Decimal:
        """Return the number with its decimal places, as the database returns it."""
        return value.quantize(Decimal(1).scaleb(-self.scale), ROUND_HALF_UP, Context(MAX_DIGITS))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return int(value.scaleb(self.scale).to_integral_value(ROUND_HALF_UP))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-self.scale)


class ExactInterval(_Native):
    """A duration. SQLite stores microseconds, so that values can be compared and sorted."""

    impl = sa.Interval().with_variant(sa.BigInteger(), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: dt.timedelta | None, dialect: Dialect) -> Any:
        return value // MICROSECOND if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dt.timedelta | None:
        return None if value is None else dt.timedelta(microseconds=value)


class JsonObject(sa.TypeDecorator[dict[str, Any]]):
    """A JSON object."""

    impl = JSON
    cache_ok = True


class JsonList(sa.TypeDecorator[list[Any]]):
    """A list of one scalar type, stored as JSON. Items are normalized, and read with their type."""

    impl = JSON
    cache_ok = True

    def __init__(self, item: type[Any]) -> None:
        super().__init__()
        self.item = item
        self._adapter: TypeAdapter[list[Any]] = TypeAdapter(list[item])  # type: ignore[valid-type]  # the item is a value here

    def normalize(self, value: list[Any]) -> list[Any]:
        """Return the items as the database returns them."""
        return self._adapter.validate_python(self._dumped(value))

    def _dumped(self, value: list[Any]) -> Any:
        return self._adapter.dump_python([*map(_normalized, value)], mode="json")

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        return None if value is None else self._dumped(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> list[Any] | None:
        return None if value is None else self._adapter.validate_python(value)


def _normalized(value: Any) -> Any:
    """Return an item as a column of its type would return it: in UTC, or as a plain number."""
    if isinstance(value, dt.datetime):
        return in_utc(value)
    if isinstance(value, Decimal) and abs(value.adjusted()) < MAX_PLAIN_DIGITS:
        return Decimal(f"{value:f}") if value else abs(value)
    return value


def in_utc(value: dt.datetime) -> dt.datetime:
    """Return the same time, as the database returns it."""
    if value.tzinfo is None:
        raise ValueError(ERROR_NAIVE_DATETIME)
    return value.astimezone(dt.UTC)
