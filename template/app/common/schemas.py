"""Base of all request and response schemas, and pages of lists."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from app.common.types import Instant

ERROR_TOO_MANY_ERRORS = "Too many errors to list"
MAX_ERRORS = 100
DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_FILTER_VALUES = 100

# The default of a field that can be omitted without being nullable. OpenAPI shows no default, and
# `model_dump(exclude_unset=True)` distinguishes an omitted field from one that is null.
OMITTED: Any = Field(default_factory=lambda: None)

# Defaults that are computed for each row.
NOW: Any = Field(default_factory=lambda: dt.datetime.now(dt.UTC))
TODAY: Any = Field(default_factory=lambda: dt.datetime.now(dt.UTC).date())
RANDOM: Any = Field(default_factory=uuid.uuid4)

# What every list can be sorted by. `Literal[RowSort, "name", "-name"]` adds fields to it.
RowSort = Literal["id", "-id", "created_at", "-created_at", "updated_at", "-updated_at"]

Item = TypeVar("Item")
# The fields of a schema as query parameters.
QueryParams = Annotated[Item, Query()]
# A query parameter that can be repeated.
Filter = Annotated[
    list[Item], Field(max_length=MAX_FILTER_VALUES, description="Rows with any of these values")
]

# The bounds of a range. They are inclusive, except for the end of a range of times.
Min = Annotated[Item, Field(description="Rows with this value or a greater one")]
Max = Annotated[Item, Field(description="Rows with this value or a smaller one")]
From = Annotated[Item, Field(description="Rows with this value or a later one")]
Before = Annotated[Item, Field(description="Rows with an earlier value")]
Null = Annotated[bool, Field(description="Rows without a value, with `false` those with one")]


class Model(BaseModel):
    """Base of all schemas: rejects unknown keys and strips white space around text.

    Patterns use Python's `re`: Pydantic's default engine has no look-around, and other code checks
    the same values with `re`.
    """

    model_config = ConfigDict(
        from_attributes=True,
        str_strip_whitespace=True,
        extra="forbid",
        regex_engine="python-re",
        hide_input_in_errors=True,
    )


class Schema(Model):
    """Base of the schemas of requests, which can have many errors."""

    @model_validator(mode="wrap")
    @classmethod
    def _limit_error_count(cls, value: Any, validate: Callable[[Any], Self]) -> Self:
        """Replace very many errors by one: describing each takes longer than finding them."""
        try:
            return validate(value)
        except ValidationError as error:
            if error.error_count() <= MAX_ERRORS:
                raise
        raise PydanticCustomError("too_many_errors", ERROR_TOO_MANY_ERRORS)


class RowSchema(Model):
    """Base of the schemas of rows in responses."""

    id: uuid.UUID
    created_at: dt.datetime
    updated_at: dt.datetime


class PageQuery(Schema):
    """Query parameters of every list."""

    limit: int = Field(default=DEFAULT_PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE, description="Page size")
    cursor: str | None = Field(default=None, description="`next_cursor` of the previous page")
    count: bool = Field(default=False, description="Whether to return `total`")
    created_at_from: From[Instant] = OMITTED
    created_at_before: Before[Instant] = OMITTED
    updated_at_from: From[Instant] = OMITTED
    updated_at_before: Before[Instant] = OMITTED


class Page(Model, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(default=None, description="Null on the last page")
    total: int | None = Field(default=None, description="Rows of all pages, with `count=true`")
