"""User model."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, BaseModelMixin
from app.db.indexes import unique_key


class User(BaseModelMixin, Base):
    __tablename__ = "users"

    email: Mapped[str] = mapped_column(sa.String(254))
    name: Mapped[str] = mapped_column(sa.String(120))
    role: Mapped[str] = mapped_column(sa.String(20), index=True, default="user")
    is_active: Mapped[bool] = mapped_column(sa.Boolean(), index=True, default=True)
    password_hash: Mapped[str] = mapped_column(sa.String(128))
    # Part of every token. Increasing it revokes all tokens of the user.
    token_version: Mapped[int] = mapped_column(sa.Integer(), default=0)

    __table_args__ = (unique_key("users", "email"),)
