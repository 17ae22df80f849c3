"""Project and member models."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, BaseModelMixin
from app.db.indexes import unique_key
from app.db.one_of import one_of
from app.modules.users.models import User


class Project(BaseModelMixin, Base):
    __tablename__ = "projects"

    name: Mapped[str] = mapped_column(sa.String(120))


class Member(BaseModelMixin, Base):
    __tablename__ = "project_members"

    project_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(), sa.ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    role: Mapped[str] = mapped_column(one_of("role", "viewer", "editor", "owner"))

    user: Mapped[User] = relationship(lazy="raise")

    __table_args__ = (unique_key("project_members", "project_id", "user_id"),)

    @property
    def email(self) -> str:
        """The address of the user, which must be loaded."""
        return self.user.email

    @property
    def name(self) -> str:
        """The name of the user, which must be loaded."""
        return self.user.name
