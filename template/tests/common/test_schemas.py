"""What every schema does, whatever its fields."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from app.common.schemas import MAX_PAGE_SIZE, OMITTED, PageQuery, Schema


class Change(Schema):
    """An update: every field may be left out, and only the note may be null."""

    title: Annotated[str, Field(max_length=9)] = OMITTED
    note: str | None = OMITTED


def test_white_space_around_text_is_dropped() -> None:
    assert Change(title="  tea ").title == "tea"


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Change.model_validate({"titel": "tea"})


def test_left_out_and_null_are_told_apart() -> None:
    assert Change().model_dump(exclude_unset=True) == {}
    assert Change(note=None).model_dump(exclude_unset=True) == {"note": None}


def test_what_is_not_nullable_cannot_be_set_to_null() -> None:
    with pytest.raises(ValidationError, match="string_type"):
        Change.model_validate({"title": None})


def test_openapi_shows_an_optional_field_without_a_default() -> None:
    schema = Change.model_json_schema()

    assert "required" not in schema
    assert "default" not in schema["properties"]["title"]


@pytest.mark.parametrize("limit", [0, MAX_PAGE_SIZE + 1])
def test_a_page_has_bounds(limit: int) -> None:
    with pytest.raises(ValidationError):
        PageQuery(limit=limit)
