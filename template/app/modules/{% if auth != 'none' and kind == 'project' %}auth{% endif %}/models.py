"""Refresh token model."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, BaseModelMixin
from app.db.indexes import unique_key
from app.db.types import UtcDateTime


class RefreshToken(BaseModelMixin, Base):
    """A token in the chain of one login. Revoked chains are soft-deleted."""

    __tablename__ = "refresh_tokens"

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    session_id: Mapped[uuid.UUID] = mapped_column(sa.Uuid(), index=True)
    # Only the hash is stored, so that read access to the table does not allow signing in.
    token_hash: Mapped[str] = mapped_column(sa.String(64))
    token_version: Mapped[int] = mapped_column(sa.Integer())
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime())
    used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime())

    __table_args__ = (unique_key("refresh_tokens", "token_hash"),)
