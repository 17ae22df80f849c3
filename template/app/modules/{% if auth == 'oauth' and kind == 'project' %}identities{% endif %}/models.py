"""Identity model."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, BaseModelMixin


class Identity(BaseModelMixin, Base):
    """A user's permanent identifier at a provider, unlike the email address."""

    __tablename__ = "identities"

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    issuer: Mapped[str] = mapped_column(sa.String(255))
    subject: Mapped[str] = mapped_column(sa.String(255))

    __table_args__ = (
        sa.Index(
            "identities_subject_key",
            "issuer",
            "subject",
            unique=True,
            postgresql_where=sa.text("NOT is_deleted"),
            sqlite_where=sa.text("is_deleted = 0"),
        ),
    )
