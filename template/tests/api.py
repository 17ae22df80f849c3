"""Requests and assertions that the tests of all modules share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

JSON = dict[str, Any]


async def create(client: httpx2.AsyncClient, url: str, body: JSON) -> JSON:
    """Create a row and return it."""
    response = await client.post(url, json=body)
    assert response.status_code == 201, response.text
    row: JSON = response.json()
    return row


async def walk(client: httpx2.AsyncClient, url: str, sort: str) -> list[str]:
    """Return the ids of a list, fetched in pages of one row."""
    found: list[str] = []
    query = {"sort": sort, "limit": "1"}
    while True:
        response = await client.get(url, params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        found += [row["id"] for row in page["items"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


@contextlib.contextmanager
def count_statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """Yield a list that collects every statement that reads or writes rows."""
    found: list[str] = []

    def collect(*arguments: Any) -> None:
        if "SAVEPOINT" not in arguments[2]:
            found.append(arguments[2])

    sa.event.listen(engine.sync_engine, "before_cursor_execute", collect)
    yield found
    sa.event.remove(engine.sync_engine, "before_cursor_execute", collect)


def assert_problem(response: httpx2.Response, status: int, *named: str) -> None:
    """Assert that a response is a problem with this status, about these fields."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    if named:
        fields = {error["field"].split(".")[0] for error in response.json()["errors"]}
        assert fields == set(named)
