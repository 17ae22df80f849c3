"""A request has one session, which commits on success; database errors become problems."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.common.errors import ConflictError
from app.db.session import DbSession, TransactionSession, serialize_json
from tests.db.probe import Gadget
from tests.fixtures import client_of


async def create(session: DbSession, payload: dict[str, Any], fail: bool = False) -> None:
    """Add a row, and fail after the flush if `fail` is set."""
    parent = payload.pop("parent_id", None)
    session.add(Gadget(**payload, parent_id=uuid.UUID(parent) if parent else None))
    if fail:
        await session.flush()
        raise ConflictError("None left", code="sold_out")


async def create_in_get(session: DbSession) -> None:
    """Add a row in a request that must only read."""
    session.add(Gadget(sku="a"))
    await session.flush()


async def create_in_transaction(session: TransactionSession) -> None:
    """Add a row in a GET request with a transaction."""
    session.add(Gadget(sku="a"))


@pytest.fixture(scope="module")
def app(spare_app: FastAPI) -> FastAPI:
    """An application that stores gadgets."""
    spare_app.add_api_route("/gadgets", create, methods=["POST"], status_code=201)
    spare_app.add_api_route("/gadgets/read-only", create_in_get)
    spare_app.add_api_route("/gadgets/written", create_in_transaction)
    return spare_app


@pytest_asyncio.fixture
async def gadgets(app: FastAPI, samples: AsyncSession) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of that application, with its table."""
    async with client_of(app) as client:
        yield client


async def count(session: AsyncSession) -> int:
    """Return the number of rows."""
    return await session.scalar(sa.select(sa.func.count()).select_from(Gadget)) or 0


@pytest.mark.parametrize(("fail", "status", "rows"), [(False, 201, 1), (True, 409, 0)])
async def test_request_commits_on_success_only(
    gadgets: httpx2.AsyncClient, session: AsyncSession, fail: bool, status: int, rows: int
) -> None:
    answer = await gadgets.post("/gadgets", params={"fail": fail}, json={"sku": "a"})

    assert answer.status_code == status
    assert await count(session) == rows


@pytest.mark.parametrize(("path", "status", "rows"), [("read-only", 500, 0), ("written", 200, 1)])
async def test_get_request_writes_only_with_a_transaction(
    gadgets: httpx2.AsyncClient, session: AsyncSession, path: str, status: int, rows: int
) -> None:
    answer = await gadgets.get(f"/gadgets/{path}")

    assert answer.status_code == status
    assert await count(session) == rows


async def test_unique_violation_returns_409_with_the_field(
    gadgets: httpx2.AsyncClient, session: AsyncSession
) -> None:
    await gadgets.post("/gadgets", json={"sku": "a"})

    answer = await gadgets.post("/gadgets", json={"sku": "a"})

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert [error["field"] for error in answer.json()["errors"]] == ["sku"]
    assert "INSERT" not in answer.text
    assert await count(session) == 1


def test_json_column_stores_every_type_of_pydantic() -> None:
    assert serialize_json({"id": uuid.UUID(int=1)}) == f'{{"id":"{uuid.UUID(int=1)}"}}'


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"parent_id": str(uuid.uuid4())}, 422, "unknown_reference"),
        ({"sku": None}, 500, "internal_error"),  # only a bug of the service can cause it
        ({"label": "nul \0"}, 422, "invalid_value"),
        ({"size": 1_000_000}, 422, "invalid_value"),
    ],
)
async def test_error_of_the_database_is_a_problem(
    gadgets: httpx2.AsyncClient,
    connection: AsyncConnection,
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    if code == "invalid_value" and connection.dialect.name == "sqlite":
        pytest.skip("SQLite takes every value")

    answer = await gadgets.post("/gadgets", json={"sku": "a", **body})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
