"""The `conversations` table."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, RowMixin, utc_now
from app.db.types import UtcDateTime


class Conversation(RowMixin, Base):
    """A conversation with the assistant. At most one run answers in it at a time."""

    __tablename__ = "conversations"

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(),
        sa.ForeignKey("users.id", ondelete="CASCADE"),
        index=True,
        info={"is_owner": True},
    )
    title: Mapped[str | None] = mapped_column(sa.String(200))
    # The last run until it has ended, and when another one may take over from it.
    run_id: Mapped[uuid.UUID | None] = mapped_column(sa.Uuid())
    run_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())

    @property
    def is_running(self) -> bool:
        return self.run_until is not None and self.run_until > utc_now()
