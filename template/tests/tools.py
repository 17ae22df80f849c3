"""Calls of tools by a client of the Model Context Protocol, over the application's own HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from app.infrastructure.mcp import running
from app.infrastructure.settings import get_settings
from tests.owner import sign_in


@contextlib.asynccontextmanager
async def tools(client: httpx2.AsyncClient) -> AsyncIterator[Client]:
    """Yield a client of the tools, with the headers of a client of the API; a user is signed in."""
    if "Authorization" not in client.headers:
        get_settings().mcp_allow_anonymous = True  # in a service without users
        await sign_in(client)
    async with running():
        transport = streamable_http_client("http://test/mcp", http_client=client)
        async with Client(transport) as models:
            yield models


async def call(client: httpx2.AsyncClient, name: str, arguments: dict[str, Any]) -> Any:
    """Call a tool and return its result. Fail if it is an error."""
    async with tools(client) as models:
        result = await models.call_tool(name, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refused(client: httpx2.AsyncClient, name: str, arguments: dict[str, Any]) -> str:
    """Return the code of the error that a tool returns."""
    async with tools(client) as models:
        result = await models.call_tool(name, arguments)
    assert result.is_error, result.content
    return str(result.structured_content["code"])
