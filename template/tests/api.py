"""Requests and assertions that the tests of all modules share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.common.schemas import Model

JSON = dict[str, Any]


def json_name(name: str, *schemas: type[Model]) -> str:
    """Return what clients call a field: in one of these schemas, or else in all."""
    for schema in schemas:
        if name in schema.model_fields:
            return schema.model_fields[name].serialization_alias or name
    named: Any = Model.model_config.get("alias_generator", str)
    return str(named(name))


async def create(client: httpx2.AsyncClient, url: str, body: JSON) -> JSON:
    """Create a row and return it."""
    response = await client.post(url, json=body)
    assert response.status_code == 201, response.text
    row: JSON = response.json()
    return row


def page_of(rows: Sequence[JSON], next_cursor: str | None = None, total: int | None = None) -> JSON:
    """Return the body of a page. Only this function and the next two know its shape."""
    return {"items": list(rows), json_name("next_cursor"): next_cursor, "total": total}


def rows_of(page: JSON) -> list[JSON]:
    """Return the rows in the body of a page."""
    rows: list[JSON] = page["items"]
    return rows


def cursor_of(page: JSON) -> str | None:
    """Return the cursor of the next page."""
    cursor: str | None = page[json_name("next_cursor")]
    return cursor


async def walk(client: httpx2.AsyncClient, url: str, sort: str) -> list[str]:
    """Return the ids of a list, fetched in pages of one row."""
    found: list[str] = []
    query = {"sort": sort, "limit": "1"}
    while True:
        response = await client.get(url, params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        found += [row["id"] for row in rows_of(page)]
        cursor = cursor_of(page)
        if cursor is None:
            return found
        query["cursor"] = cursor


@contextlib.contextmanager
def count_statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """Yield a list that collects every statement that reads or writes rows."""
    found: list[str] = []

    def collect(*arguments: Any) -> None:
        found.append(arguments[2])

    sa.event.listen(engine.sync_engine, "before_cursor_execute", collect)
    try:
        yield found
    finally:
        sa.event.remove(engine.sync_engine, "before_cursor_execute", collect)


def assert_problem(response: httpx2.Response, status: int, *named: str) -> None:
    """Assert that a response is a problem with this status, about these fields."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    if named:
        fields = {error["field"].split(".")[0] for error in response.json()["errors"]}
        assert fields == set(named)
