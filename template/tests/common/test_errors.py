"""Every error is a problem with a stable code that reveals no internals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI, HTTPException, Query
from pydantic import Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from app.common.errors import ConflictError
from app.common.schemas import PageQuery, Schema
from app.common.types import ERROR_NUMBER, FIRST_INSTANT, Instant
from tests.fixtures import client_of

SECRET_TEXT = "hunter2"


class Payload(Schema):
    """A body that can be invalid."""

    name: str = Field(max_length=3)
    tags: list[int] = Field(default=[])
    at: Instant = FIRST_INSTANT


async def receive_payload(payload: Payload, query: Annotated[PageQuery, Query()]) -> Payload:
    """Return the body."""
    return payload


def refused_value() -> DBAPIError:
    """Return the error of a value that a driver rejects before it is sent."""
    refused = Exception(SECRET_TEXT)
    refused.__cause__ = ValueError(SECRET_TEXT)
    return DBAPIError("INSERT", None, refused)


def fail_with(error: Exception) -> Callable[[], Awaitable[None]]:
    """Return an endpoint that raises this error."""

    async def endpoint() -> None:
        raise error

    return endpoint


@pytest_asyncio.fixture(scope="module")
async def probe(spare_app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application with additional endpoints that fail."""
    app = spare_app
    app.add_api_route("/coded", fail_with(ConflictError("None left", "sku", code="sold_out")))
    app.add_api_route("/plain", fail_with(HTTPException(499, "The client has gone")))
    app.add_api_route("/crash", fail_with(RuntimeError(SECRET_TEXT)))
    app.add_api_route("/socket", fail_with(ConnectionRefusedError(SECRET_TEXT)))
    app.add_api_route("/stale", fail_with(StaleDataError(SECRET_TEXT)))
    app.add_api_route("/refused", fail_with(refused_value()))
    deadlock = type("Deadlock", (Exception,), {"sqlstate": "40P01"})(SECRET_TEXT)
    app.add_api_route("/busy", fail_with(DBAPIError("UPDATE", None, deadlock)))
    app.add_api_route("/full", fail_with(PoolTimeout("30 seconds")))
    app.add_api_route("/unknown", fail_with(DBAPIError(SECRET_TEXT, None, Exception(SECRET_TEXT))))
    app.add_api_route("/payload", receive_payload, methods=["POST"])
    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/health/live", 405, "method_not_allowed"),
        ("GET", "/plain", 499, "status_499"),  # a status without a name
        ("GET", "/coded", 409, "sold_out"),
        ("GET", "/crash", 500, "internal_error"),
        ("GET", "/socket", 500, "internal_error"),  # of another server than the database
        ("GET", "/stale", 412, "precondition_failed"),
        ("GET", "/refused", 422, "invalid_value"),
        ("GET", "/busy", 503, "database_busy"),
        ("GET", "/full", 503, "database_busy"),
        ("GET", "/unknown", 500, "internal_error"),
        ("POST", "/payload", 422, "invalid_request"),
    ],
)
async def test_every_error_has_the_same_shape(
    probe: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await probe.request(method, path)

    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert [told for told in (SECRET_TEXT, "Traceback") if told in answer.text] == []
    assert (answer.status_code, found["status"], found["code"]) == (status, status, code)
    assert ("retry-after" in answer.headers) is (status == 503)
    assert answer.headers.get("allow") == ("GET" if status == 405 else None)
    assert found.keys() == {"type", "title", "status", "code", "detail", "errors"}


async def test_problem_names_its_fields(probe: httpx2.AsyncClient) -> None:
    answer = await probe.get("/coded")

    assert answer.json()["detail"] == "None left"
    assert answer.json()["errors"] == [{"field": "sku", "code": "sold_out", "message": "None left"}]


async def test_invalid_fields_are_named_without_their_input(probe: httpx2.AsyncClient) -> None:
    body = {"name": SECRET_TEXT, "tags": [1, "two"], "at": 1, "extra": 1}

    answer = await probe.post("/payload", json=body, params={"limit": 0})

    errors = {error["field"]: error["code"] for error in answer.json()["errors"]}
    assert errors == {
        "limit": "greater_than_equal",
        "name": "string_too_long",
        "tags.1": "int_parsing",
        "at": "value_error",
        "extra": "extra_forbidden",
    }
    assert SECRET_TEXT not in answer.text
    assert f'"{ERROR_NUMBER}"' in answer.text


@pytest.mark.parametrize("count", [99, 99_999])
async def test_many_errors_are_summarized(probe: httpx2.AsyncClient, count: int) -> None:
    answer = await probe.post("/payload", json={"x" * count: "", "tags": ["two"] * count})

    assert answer.status_code == 422
    assert len(answer.text) < 5_000


@pytest.mark.parametrize(
    ("media_type", "status", "codes"),
    [("application/json", 422, ["json_invalid"]), ("text/plain", 415, [])],
)
async def test_body_that_is_not_json_is_refused(
    probe: httpx2.AsyncClient, media_type: str, status: int, codes: list[str]
) -> None:
    answer = await probe.post("/payload", content=b"{", headers={"content-type": media_type})

    assert answer.status_code == status
    assert [error["code"] for error in answer.json()["errors"]] == codes


async def test_openapi_documents_problems(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    documented = document["paths"]["/health/ready"]["get"]["responses"]["503"]["content"]
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    assert documented == {"application/problem+json": problem}
    assert {"Problem", "FieldProblem"} <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in document["components"]["schemas"]
