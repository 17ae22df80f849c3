"""The `notifications` table."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, RowMixin
from app.db.types import UtcDateTime


class Notification(RowMixin, Base):
    __tablename__ = "notifications"

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(),
        sa.ForeignKey("users.id", ondelete="CASCADE"),
        index=True,
        info={"is_owner": True},
    )
    kind: Mapped[str] = mapped_column(sa.String(100), index=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str | None] = mapped_column(sa.String(2000))
    link: Mapped[str | None] = mapped_column(sa.String(2000))
    read_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())

    __table_args__ = (sa.Index("notifications_user_id_read_at_idx", "user_id", "read_at"),)
