"""Tables for the tests of the database layer, outside the metadata that Alembic compares.

Their names start with an underscore, so that no module can have the same.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.base import NAMING_CONVENTION, BaseModelMixin
from app.db.types import ExactDecimal, ExactInterval, JsonList, JsonObject, UtcDateTime


class ProbeBase(DeclarativeBase):
    """A base with the naming convention of the service."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Gadget(BaseModelMixin, ProbeBase):
    """A row with a unique field, a reference and a small number."""

    __tablename__ = "_gadgets"

    sku: Mapped[str] = mapped_column(sa.String(40), unique=True)
    size: Mapped[int | None] = mapped_column(sa.SmallInteger(), index=True)
    parent_id: Mapped[uuid.UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("_gadgets.id"))
    label: Mapped[str | None] = mapped_column(sa.String(40))


class Sample(BaseModelMixin, ProbeBase):
    """A row with a column of every type that PostgreSQL and SQLite store differently."""

    __tablename__ = "_samples"
    __table_args__ = (
        sa.Index(
            "_samples_name_key",
            "name",
            unique=True,
            postgresql_where=sa.text("NOT is_deleted"),
            sqlite_where=sa.text("is_deleted = 0"),
        ),
    )

    name: Mapped[str | None] = mapped_column(sa.String(40))
    count: Mapped[int | None] = mapped_column(sa.Integer())
    total: Mapped[int | None] = mapped_column(sa.BigInteger())
    ratio: Mapped[float | None] = mapped_column(sa.Double())
    price: Mapped[decimal.Decimal | None] = mapped_column(ExactDecimal(12, 2))
    sold_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())
    lasts: Mapped[dt.timedelta | None] = mapped_column(ExactInterval())
    data: Mapped[dict[str, Any] | None] = mapped_column(JsonObject())
    days: Mapped[list[dt.date] | None] = mapped_column(JsonList(dt.date))
