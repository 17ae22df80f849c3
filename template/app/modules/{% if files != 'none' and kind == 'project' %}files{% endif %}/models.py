"""File model."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, BaseModelMixin
from app.db.lists import FILTERED, SORTED, Listed
from app.db.one_of import one_of


class File(BaseModelMixin, Listed, Base):
    __tablename__ = "files"

    # The user or the project; null for files of the service itself. The kind is `user` or `project`.
    owner_id: Mapped[uuid.UUID | None] = mapped_column(sa.Uuid(), info={"is_owner": True})
    owner_kind: Mapped[str | None] = mapped_column(one_of("owner_kind", "user", "project"))
    name: Mapped[str] = mapped_column(sa.String(255), info=SORTED)
    content_type: Mapped[str] = mapped_column(sa.String(255), info=FILTERED)
    # Both are null until the content is known.
    size: Mapped[int | None] = mapped_column(sa.BigInteger(), info=SORTED)
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    state: Mapped[str] = mapped_column(
        one_of("state", "pending", "stored", "removed"),
        index=True,
        info=FILTERED,
        default="pending",
    )

    @property
    def object_name(self) -> str:
        """The object, whose name begins with the owner: policies of the server can depend on it."""
        kind = "proj" if self.owner_kind == "project" else "user"
        owner = f"{kind}:{self.owner_id}" if self.owner_id else "public"
        return f"{owner}:{self.id}"

    @property
    def upload_name(self) -> str:
        """The object that a client uploads directly, until it is confirmed."""
        return f"{self.object_name}.part"
