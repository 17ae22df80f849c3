"""The base of every model: constraint names, and the columns that each table has."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.types import UtcDateTime

# Names are given here, not by the database, so that migrations can rely on them.
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
    """Return a time-ordered identifier (RFC 9562, version 7), greater than every one before it.

    The twelve bits after the milliseconds hold the fraction of a millisecond, and a tick that was
    given out already is moved forward by one, so that the order of creation survives within one
    process even when the clock stands still.
    """
    tick = _next_tick()
    value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62
    return uuid.UUID(int=value | secrets.randbits(62))


def _next_tick() -> int:
    """Return the time in 1/4096 of a millisecond, strictly increasing."""
    global _last_tick
    with _clock_lock:
        _last_tick = max(_last_tick + 1, time.time_ns() * 4096 // 1_000_000)
        return _last_tick


def utc_now() -> dt.datetime:
    """Return the current time, aware and in UTC."""
    return dt.datetime.now(dt.UTC)


class Base(DeclarativeBase):
    """The declarative base; its metadata is what Alembic compares the database with."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class RowMixin:
    """The columns of every table."""

    id: Mapped[uuid.UUID] = mapped_column(sa.Uuid(), primary_key=True, default=uuid7)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime(), default=utc_now)
    updated_at: Mapped[dt.datetime] = mapped_column(
        UtcDateTime(), default=utc_now, onupdate=utc_now
    )


class BaseModelMixin(RowMixin):
    """Those of a table whose deleted rows stay, marked, until somebody purges them."""

    is_deleted: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
