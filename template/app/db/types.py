"""Column types that mean the same on PostgreSQL and on SQLite."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

ERROR_NAIVE_DATETIME = "A point in time needs an offset from UTC"
MICROSECOND = dt.timedelta(microseconds=1)
# PostgreSQL keeps the parsed form; `None` is the database's null.
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


class UtcDateTime(sa.TypeDecorator[dt.datetime]):
    """A point in time: stored in UTC, read back aware of it.

    SQLite has no time zones, so the offset is dropped there on the way in and added on the way out.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(ERROR_NAIVE_DATETIME)
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class ExactDecimal(sa.TypeDecorator[decimal.Decimal]):
    """A number with a fixed count of digits after the point.

    SQLite would keep it as a float and lose digits, so there it is an integer of the smallest unit.
    """

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        exact = (
            sa.BigInteger() if dialect.name == "sqlite" else sa.Numeric(self.precision, self.scale)
        )
        return dialect.type_descriptor(exact)

    def process_bind_param(self, value: decimal.Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return int(value.scaleb(self.scale).to_integral_value(decimal.ROUND_HALF_UP))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> decimal.Decimal | None:
        if value is None or dialect.name != "sqlite":
            return value
        return decimal.Decimal(value).scaleb(-self.scale)


class ExactInterval(sa.TypeDecorator[dt.timedelta]):
    """A length of time, which SQLite keeps as a count of microseconds, so that it sorts."""

    impl = sa.Interval().with_variant(sa.BigInteger(), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: dt.timedelta | None, dialect: Dialect) -> Any:
        return value // MICROSECOND if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dt.timedelta | None:
        if value is None or dialect.name != "sqlite":
            return value
        return dt.timedelta(microseconds=value)


class JsonObject(sa.TypeDecorator[dict[str, Any]]):
    """A JSON object."""

    impl = JSON
    cache_ok = True


class JsonList(sa.TypeDecorator[list[Any]]):
    """A list of one scalar type, kept as JSON; decimals and dates come back as what they were."""

    impl = JSON
    cache_ok = True

    def __init__(self, item: type[Any]) -> None:
        super().__init__()
        self.item = item
        self._adapter: TypeAdapter[list[Any]] = TypeAdapter(list[item])  # type: ignore[valid-type]  # the item is a value here

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> list[Any] | None:
        return None if value is None else self._adapter.validate_python(value)
