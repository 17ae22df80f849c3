"""The `notifications` table."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, RowMixin
from app.db.lists import FILTERED, Listed
from app.db.types import UtcDateTime


class Notification(RowMixin, Listed, Base):
    __tablename__ = "notifications"

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), info={"is_owner": True}
    )
    kind: Mapped[str] = mapped_column(sa.String(100), info=FILTERED)
    title: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str | None] = mapped_column(sa.String(2000))
    link: Mapped[str | None] = mapped_column(sa.String(2000))
    read_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime(), info=FILTERED)
