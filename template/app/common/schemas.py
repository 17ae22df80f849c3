"""What every request and response schema shares: the base class, and the pages of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

ERROR_TOO_MANY_ERRORS = "There are too many errors to tell them one by one"
MAX_ERRORS = 100
DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100

Item = TypeVar("Item")


class Schema(BaseModel):
    """The base of every schema: strict about unknown keys, tolerant about white space.

    Python's own `re` reads the patterns, because it knows look-arounds and is what the rest of the
    code would use to check the same value.
    """

    model_config = ConfigDict(
        from_attributes=True,
        str_strip_whitespace=True,
        extra="forbid",
        regex_engine="python-re",
        hide_input_in_errors=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def refuse_a_flood(cls, value: Any, validate: Callable[[Any], Self]) -> Self:
        """Make one error of very many: to describe each would take longer than to find them."""
        try:
            return validate(value)
        except ValidationError as error:
            if error.error_count() <= MAX_ERRORS:
                raise
        raise PydanticCustomError("too_many_errors", ERROR_TOO_MANY_ERRORS)


class PageQuery(Schema):
    """The query parameters that every list takes."""

    limit: int = Field(
        default=DEFAULT_PAGE_SIZE,
        ge=1,
        le=MAX_PAGE_SIZE,
        description="How many items a page holds at most",
    )
    cursor: str | None = Field(
        default=None,
        description="The `next_cursor` of the page before; leave out for the first page",
    )


class Page(Schema, Generic[Item]):
    """One page of a list, and where the next one starts."""

    items: list[Item]
    next_cursor: str | None = Field(
        default=None,
        description="Pass it as `cursor` to get the next page; null on the last one",
    )


def unset() -> Any:
    """Stand in for a field that an update leaves out.

    Used as `default_factory`, it makes a field optional without making it nullable: OpenAPI shows
    no default, and `model_dump(exclude_unset=True)` tells "left out" from "set to null".
    """
    return None
