"""Base of all models: constraint names, and the columns of every table."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.types import UtcDateTime

# Names that migrations can rely on, on both databases.
NAMING_CONVENTION = {
    "ix": "%(column_0_label)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

_clock_lock = threading.Lock()
_last_tick = 0


def uuid7() -> uuid.UUID:
    """Return a UUID version 7 (RFC 9562), greater than every earlier one of this process.

    The twelve bits after the milliseconds hold the fraction of a millisecond. If the clock has not
    advanced, the last tick is increased by one.
    """
    tick = _next_tick()
    value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62
    return uuid.UUID(int=value | secrets.randbits(62))


def _next_tick() -> int:
    """Return the time in 1/4096 of a millisecond; the values are strictly increasing."""
    global _last_tick
    with _clock_lock:
        _last_tick = max(_last_tick + 1, time.time_ns() * 4096 // 1_000_000)
        return _last_tick


def utc_now() -> dt.datetime:
    """Return the current time, with the time zone UTC."""
    return dt.datetime.now(dt.UTC)


def utc_today() -> dt.date:
    """Return the current date in UTC."""
    return utc_now().date()


class Base(DeclarativeBase):
    """Declarative base. Alembic compares its metadata with the database."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


def owner_column(table: sa.FromClause) -> str:
    """Return the name of the column with the owner of a row; empty if rows have no owner."""
    return next((column.key for column in table.c if column.info.get("is_owner")), "")


class RowMixin:
    """Columns of every table."""

    id: Mapped[uuid.UUID] = mapped_column(sa.Uuid(), primary_key=True, default=uuid7)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime(), default=utc_now)
    updated_at: Mapped[dt.datetime] = mapped_column(
        UtcDateTime(), default=utc_now, onupdate=utc_now
    )


class BaseModelMixin(RowMixin):
    """Columns of a table with soft deletion: a deleted row is marked and kept until a purge."""

    is_deleted: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
