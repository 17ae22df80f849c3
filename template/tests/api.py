"""Steps that the tests of every module take."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.db.base import Base

JSON = dict[str, Any]


async def create(client: httpx2.AsyncClient, url: str, body: JSON) -> JSON:
    """Create a row and return it."""
    response = await client.post(url, json=body)
    assert response.status_code == 201, response.text
    row: JSON = response.json()
    return row


async def patch(client: httpx2.AsyncClient, url: str, row: JSON, changes: JSON) -> JSON:
    """Change some fields of a row and return it."""
    response = await client.patch(f"{url}/{row['id']}", json=changes)
    assert response.status_code == 200, response.text
    changed: JSON = response.json()
    return changed


async def walk(client: httpx2.AsyncClient, url: str, sort: str) -> list[str]:
    """Return the identifiers of a list, fetched one row a page."""
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


async def mark_deleted(session: AsyncSession, url: str, item_id: str) -> None:
    """Delete a row without asking the rows that refer to it."""
    table = Base.metadata.tables[url.rsplit("/", 1)[1].replace("-", "_")]
    row = table.c.id == uuid.UUID(item_id)
    await session.execute(sa.update(table).where(row).values(is_deleted=True))
    await session.commit()


@contextlib.contextmanager
def count_statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """Note every statement that reads or writes rows."""
    found: list[str] = []

    def note(*arguments: Any) -> None:
        if "SAVEPOINT" not in arguments[2]:
            found.append(arguments[2])

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(engine.sync_engine, "before_cursor_execute", note)


def assert_problem(response: httpx2.Response, status: int, *named: str) -> None:
    """Check that an answer is a problem of this status, about these fields."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    if named:
        fields = {error["field"].split(".")[0] for error in response.json()["errors"]}
        assert fields == set(named)
