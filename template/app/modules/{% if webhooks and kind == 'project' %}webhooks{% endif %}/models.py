"""The `webhooks` table, and the table of deliveries."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, RowMixin
from app.db.lists import PARENT, Listed
from app.db.one_of import one_of
from app.db.types import JsonList, JsonObject, UtcDateTime


class Webhook(RowMixin, Base):
    """A URL that is told what happens to the rows of its owner."""

    __tablename__ = "webhooks"

    owner_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.Uuid(), index=True, info={"is_owner": True}
    )
    url: Mapped[str] = mapped_column(sa.String(2000))
    events: Mapped[list[str]] = mapped_column(JsonList(str))
    secret: Mapped[str] = mapped_column(sa.String(100))
    is_active: Mapped[bool] = mapped_column(sa.Boolean(), default=True)
    failures: Mapped[int] = mapped_column(sa.Integer(), default=0)


class WebhookDelivery(RowMixin, Listed, Base):
    """A message to a webhook."""

    __tablename__ = "webhook_deliveries"

    webhook_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("webhooks.id", ondelete="CASCADE"), info=PARENT
    )
    event: Mapped[str] = mapped_column(sa.String(100))
    payload: Mapped[dict[str, Any]] = mapped_column(JsonObject())
    status: Mapped[str] = mapped_column(
        one_of("status", "pending", "delivered", "failed"), default="pending"
    )
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    response_status: Mapped[int | None] = mapped_column(sa.Integer())
    error: Mapped[str | None] = mapped_column(sa.Text())
    delivered_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())

    __table_args__ = (sa.Index("webhook_deliveries_webhook_id_status_idx", "webhook_id", "status"),)
