"""Related rows in responses: `?expand=maker,tags`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from sqlalchemy.orm import DeclarativeBase, selectinload

from app.common.schemas import Schema

Name = TypeVar("Name")
Row = TypeVar("Row")


def _split(names: Any) -> Any:
    """Accept several names in one parameter, separated by commas."""
    is_text = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return [part for name in names for part in name.split(",")] if is_text else names


Expand = Annotated[
    Sequence[Name],
    BeforeValidator(_split),
    Field(max_length=100, description="Related rows to include, separated by commas"),
]


class Expanded(Schema):
    """Base of the schemas of rows with related rows. Those not asked for are left out."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, row: Any, info: ValidationInfo) -> Any:
        if not isinstance(row, DeclarativeBase):
            return row
        wanted = (info.context or {}).get("expand") or ()
        left_out = {*sa.inspect(type(row)).relationships.keys()} - {*wanted}
        return {name: getattr(row, name) for name in cls.model_fields if name not in left_out}


def with_related(statement: sa.Select[Row], names: Iterable[str] | None) -> sa.Select[Row]:
    """Load related rows of the selected model, each relation with one more statement.

    The rows are loaded with their own links, whose ids are part of them.
    """
    relationships = sa.inspect(statement.column_descriptions[0]["entity"]).relationships
    for name in dict.fromkeys(names or ()):
        relation = relationships[name]
        load = selectinload(relation.class_attribute)
        links = [other for other in relation.mapper.relationships if other.secondary is not None]
        linked = [load.selectinload(link.class_attribute) for link in links]
        statement = statement.options(load, *linked)
    return statement
