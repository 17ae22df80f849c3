"""Base of the models in SQLModel, and the columns of every table."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped
from sqlmodel import Field, SQLModel
from sqlmodel.main import SQLModelMetaclass

from app.db import base
from app.db.base import utc_now, uuid7
from app.db.types import UtcDateTime

Value = TypeVar("Value")
if TYPE_CHECKING:
    # `Product.name` is a column, so that queries need no `col()`; `product.name` is a value.
    MappedField = Mapped[Value]
else:
    MappedField = Annotated[Value, ...]  # Pydantic reads the type of the value


class ModelMeta(SQLModelMetaclass):
    """Calls `__init_subclass__` again when a model has its table, which others complete there."""

    def __init__(cls, *arguments: Any, **options: Any) -> None:  # noqa: N805  # it is a metaclass
        super().__init__(*arguments, **options)
        cls.__init_subclass__()


class Base(SQLModel, base.Base, registry=base.Base.registry, metaclass=ModelMeta):
    """A model of SQLModel that has the metadata and the relationships of those of SQLAlchemy."""

    __abstract__ = True
    # Without aliases, mypy would reject the columns of mixins in constructors: `Product(id=…)`.
    model_config = {"alias_generator": str}

    def __init_subclass__(cls, **options: Any) -> None:
        """Leave the mapping to SQLModel, which has no columns yet."""


class RowMixin(base.RowMixin):
    """Columns of every table."""

    id: MappedField[uuid.UUID] = Field(sa_type=sa.Uuid(), primary_key=True, default_factory=uuid7)
    created_at: MappedField[dt.datetime] = Field(sa_type=UtcDateTime(), default_factory=utc_now)
    updated_at: MappedField[dt.datetime] = Field(
        sa_type=UtcDateTime(), default_factory=utc_now, sa_column_kwargs={"onupdate": utc_now}
    )


class BaseModelMixin(RowMixin, base.BaseModelMixin):
    """Columns of a table with soft deletion: a deleted row is marked and kept until a purge."""

    is_deleted: MappedField[bool] = Field(sa_type=sa.Boolean(), default=False)
