"""The behavior of all schemas and pages."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from app.common.schemas import MAX_PAGE_SIZE, OMITTED, PageQuery, Schema


class Change(Schema):
    """An update: every field can be omitted, and only the note can be null."""

    title: Annotated[str, Field(max_length=9)] = OMITTED
    note: str | None = OMITTED


def test_white_space_around_text_is_stripped() -> None:
    assert Change(title="  tea ").title == "tea"


def test_unknown_key_is_rejected() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Change.model_validate({"titel": "tea"})


def test_omitted_field_differs_from_null() -> None:
    assert Change().model_dump(exclude_unset=True) == {}
    assert Change(note=None).model_dump(exclude_unset=True) == {"note": None}


def test_null_is_rejected_where_it_is_not_allowed() -> None:
    with pytest.raises(ValidationError, match="string_type"):
        Change.model_validate({"title": None})


def test_openapi_shows_no_default_of_an_omitted_field() -> None:
    schema = Change.model_json_schema()

    assert "required" not in schema
    assert "default" not in schema["properties"]["title"]


@pytest.mark.parametrize("limit", [0, MAX_PAGE_SIZE + 1])
def test_limit_outside_its_bounds_is_rejected(limit: int) -> None:
    with pytest.raises(ValidationError):
        PageQuery(limit=limit)
