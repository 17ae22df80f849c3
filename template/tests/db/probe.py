"""A table for the tests of the database layer, outside the metadata that Alembic watches."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.base import NAMING_CONVENTION, BaseModelMixin


class ProbeBase(DeclarativeBase):
    """A base with the names of the real one."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Gadget(BaseModelMixin, ProbeBase):
    """A row with a unique field, a reference and a small number."""

    __tablename__ = "gadgets"

    sku: Mapped[str] = mapped_column(sa.String(40), unique=True)
    size: Mapped[int | None] = mapped_column(sa.SmallInteger(), index=True)
    parent_id: Mapped[uuid.UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("gadgets.id"))
    label: Mapped[str | None] = mapped_column(sa.String(40))
