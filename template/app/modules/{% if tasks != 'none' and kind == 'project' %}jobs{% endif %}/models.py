"""The tables `jobs` and `idempotency_keys`."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, RowMixin
from app.db.lists import FILTERED, Listed
from app.db.one_of import one_of
from app.db.types import JsonObject, UtcDateTime


class Job(RowMixin, Listed, Base):
    """A run of a task. It is written in the transaction that starts it, so it cannot be lost."""

    __tablename__ = "jobs"

    owner_id: Mapped[uuid.UUID | None] = mapped_column(sa.Uuid(), info={"is_owner": True})
    kind: Mapped[str] = mapped_column(sa.String(100), info=FILTERED)
    status: Mapped[str] = mapped_column(
        one_of("status", "queued", "running", "succeeded", "failed", "cancelled"),
        index=True,
        info=FILTERED,
        default="queued",
    )
    progress: Mapped[int] = mapped_column(sa.Integer(), default=0)
    # Counts the starts. A start with an older number than this one can no longer change the row.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    arguments: Mapped[dict[str, Any]] = mapped_column(JsonObject())
    result: Mapped[dict[str, Any] | None] = mapped_column(JsonObject())
    error: Mapped[str | None] = mapped_column(sa.Text())
    started_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime(), index=True)
    # When the job is sent again, unless it has ended; and until when its worker owns it.
    send_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime(), index=True)
    # The time for which the job is scheduled, unique for each task.
    scheduled_for: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())
    leased_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())
    # The options of its messages, with which it continues the trace of the request, if there is one.
    trace: Mapped[dict[str, Any] | None] = mapped_column(JsonObject())

    __table_args__ = (
        sa.Index("jobs_kind_scheduled_for_key", "kind", "scheduled_for", unique=True),
    )


class IdempotencyKey(RowMixin, Base):
    """A request that a client may send again, with its answer."""

    __tablename__ = "idempotency_keys"

    # A hash of the owner, the route and the key; and one of the body.
    scope: Mapped[str] = mapped_column(sa.String(64))
    body: Mapped[str] = mapped_column(sa.String(64))
    answer: Mapped[dict[str, Any] | None] = mapped_column(JsonObject())
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime(), index=True)

    __table_args__ = (sa.Index("idempotency_keys_scope_key", "scope", unique=True),)
