from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from mcp.shared.exceptions import MCPError

from app.common.errors import NotFoundError
from app.infrastructure.settings import get_settings
from app.infrastructure.tools import tool
from tests.fixtures import client_of
from tests.tools import call, refused, tools

ERROR_NO_WORD = "There is no such word"


@pytest.fixture(scope="module")
def app(spare_app: FastAPI) -> FastAPI:
    """An application with a tool, which needs no user."""

    async def shout(word: str, times: int = 1) -> dict[str, Any]:
        if word == "none":
            raise NotFoundError(ERROR_NO_WORD)
        return {"word": word.upper() * times}

    spare_app.add_api_route("/shout/{word}", shout, openapi_extra=tool("shout"))
    spare_app.openapi_schema = None
    return spare_app


@pytest.fixture
def models(app: FastAPI, client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """A client of that application, whose sessions are those of the test."""
    return client_of(app)


async def test_a_tool_returns_what_its_route_returns(models: httpx2.AsyncClient) -> None:
    assert await call(models, "shout", {"word": "a?", "times": 2}) == {"word": "A?A?"}


async def test_the_server_is_the_service_with_its_version(
    app: FastAPI, models: httpx2.AsyncClient
) -> None:
    async with tools(models) as client:
        served = client.server_info

    assert served is not None
    assert (served.name, served.version) == (app.title, app.version) != ("", "")


async def test_errors_of_a_route_are_results_with_their_code(models: httpx2.AsyncClient) -> None:
    assert await refused(models, "shout", {"word": "none"}) == "not_found"
    assert await refused(models, "shout", {"word": "a", "times": "b"}) == "invalid_request"
    assert await refused(models, "shout", {}) == "invalid_arguments"


async def test_an_unknown_tool_is_an_error_of_the_protocol(models: httpx2.AsyncClient) -> None:
    async with tools(models) as client:
        with pytest.raises(MCPError, match="There is no tool"):
            await client.call_tool("whisper", {})


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_are_no_streams_and_no_sessions(
    models: httpx2.AsyncClient, method: str
) -> None:
    assert (await models.request(method, "/mcp")).status_code == 405


async def test_pages_of_other_sites_cannot_call_tools(models: httpx2.AsyncClient) -> None:
    models.headers["Origin"] = "https://test"
    assert await call(models, "shout", {"word": "a"}) == {"word": "A"}

    answer = await models.post("/mcp", json={}, headers={"Origin": "https://evil.example.com"})

    assert (answer.status_code, answer.json()["code"]) == (403, "other_site")


async def test_callers_without_a_token_need_the_setting(
    models: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "mcp_allow_anonymous", False)

    assert (await models.post("/mcp", json={})).status_code in {401, 403}


async def test_a_wrong_token_is_refused(models: httpx2.AsyncClient) -> None:
    if "JWT_ISSUER" in {name.upper() for name in type(get_settings()).model_fields}:
        wrong = {"Authorization": "Bearer nonsense"}
        assert (await models.post("/mcp", json={}, headers=wrong)).status_code == 401
