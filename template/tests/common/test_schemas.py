"""The behavior of all schemas and pages."""

from __future__ import annotations

from typing import Annotated, Any, cast

import pytest
from pydantic import Field, ValidationError, create_model

from app.common.schemas import MAX_PAGE_SIZE, OMITTED, PageQuery, QueryParams, Schema
from app.main import Service


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


def test_openapi_has_the_parameters_of_many_lists() -> None:
    app, params = Service(), cast(Any, QueryParams)

    def add_list(path: str, query_class: Any) -> None:
        async def list_page(query: PageQuery) -> None: ...

        list_page.__annotations__ = {"query": params[query_class]}
        app.get(path)(list_page)

    for number in range(130):
        add_list(f"/{number}", create_model(f"Query{number}", __base__=PageQuery))

    paths = app.openapi()["paths"]
    first, last = (paths[path]["get"]["parameters"] for path in ("/0", "/129"))
    assert first == last
    assert [shown["name"] for shown in first] == [*PageQuery.model_json_schema()["properties"]]
