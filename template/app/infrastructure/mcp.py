"""The tools of the service for language models, by the Model Context Protocol at `/mcp`.

A call of a tool is a request to its route, with the headers of the caller. So each call has the
rights of the caller, and nothing that a model reads can widen them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpx2
from fastapi import APIRouter, Depends, Request, Response
from starlette.types import Receive, Scope, Send

from app.infrastructure.mcp_callers import allowed, require_caller
from app.infrastructure.pages import require_known_page
from app.infrastructure.tools import BODY, Tool, offered

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp_types import (
        CallToolRequestParams,
        CallToolResult,
        ListToolsResult,
        PaginatedRequestParams,
    )

# What a call of a tool takes over from the request that it came with.
FORWARDED = ("authorization", "cookie", "x-csrf-token", "user-agent", "traceparent")
ERROR_UNKNOWN = "There is no tool with this name"

router = APIRouter()


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Serve the protocol while the service runs."""
    try:
        async with get_manager().run():
            yield
    finally:
        get_manager.cache_clear()


@lru_cache
def get_manager() -> StreamableHTTPSessionManager:
    """Return what serves the protocol. It keeps no session, so any process can answer."""
    from mcp.server.lowlevel.server import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    server: Server[Any] = Server("tools", on_list_tools=list_tools, on_call_tool=call_tool)
    # It would need a list of hosts. `require_known_page` refuses the same requests.
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, security_settings=unchecked
    )


class Delegated(Response):
    """A response that the protocol's own application sends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager, service = get_manager(), scope["app"]
        manager.app.name, manager.app.version = service.title, service.version
        await manager.handle_request(scope, receive, send)


# GET would open a stream, and DELETE end a session: there are none. Clients accept a 405.
@router.post(
    "/mcp",
    response_model=None,
    include_in_schema=False,
    dependencies=[Depends(require_known_page), Depends(require_caller)],
)
async def serve() -> Response:
    return Delegated()


async def list_tools(
    context: ServerRequestContext[Any, Request], _: PaginatedRequestParams | None
) -> ListToolsResult:
    """Return the tools that the caller may call."""
    from mcp_types import ListToolsResult

    tools = await allowed(caller_request(context))
    return ListToolsResult(tools=[described(tool) for tool in tools])


async def call_tool(
    context: ServerRequestContext[Any, Request], params: CallToolRequestParams
) -> CallToolResult:
    """Call the route of a tool. An error of the route is a result that the model can read."""
    from mcp.shared.exceptions import MCPError
    from mcp_types import INVALID_PARAMS

    request, arguments = caller_request(context), params.arguments or {}
    tool = offered(request.app).get(params.name)
    if tool is None:
        raise MCPError(INVALID_PARAMS, ERROR_UNKNOWN)
    content, is_error = await call_route(request, tool, arguments)
    return result(content, is_error=is_error)


async def call_route(request: Request, tool: Tool, arguments: dict[str, Any]) -> tuple[Any, bool]:
    """Return what the route of a tool answers to the caller of a request, and if it is an error."""
    if problems := list(tool.problems(arguments)):
        return {"code": "invalid_arguments", "detail": "; ".join(problems)}, True
    answer = await send_to_route(request, tool, arguments)
    return answer.json() if answer.content else {}, not answer.is_success


async def send_to_route(request: Request, tool: Tool, arguments: dict[str, Any]) -> httpx2.Response:
    """Send a request to this application, without a network."""
    client = request.client
    transport = httpx2.ASGITransport(
        app=request.app, client=(client.host, client.port) if client else ("127.0.0.1", 0)
    )
    headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
    async with httpx2.AsyncClient(transport=transport, base_url=str(request.base_url)) as sender:
        return await sender.request(
            tool.method.upper(),
            tool.url(arguments),
            params=tool.query(arguments),
            json=arguments.get(BODY),
            headers=headers,
        )


def described(tool: Tool) -> Any:
    """Return a tool as the protocol lists it."""
    from mcp_types import Tool as Described
    from mcp_types import ToolAnnotations

    return Described(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=ToolAnnotations(
            read_only_hint=tool.reads_only,
            destructive_hint=tool.method in {"put", "patch", "delete"},
            idempotent_hint=tool.method in {"get", "put", "delete"},
        ),
    )


def result(content: Any, *, is_error: bool) -> CallToolResult:
    """Return the answer of a route as the result of a tool, as text and as data."""
    from mcp_types import CallToolResult, TextContent

    text = TextContent(type="text", text=json.dumps(content, ensure_ascii=False))
    return CallToolResult(content=[text], structured_content=content or None, is_error=is_error)


def caller_request(context: ServerRequestContext[Any, Request]) -> Request:
    """Return the HTTP request that a message came with."""
    if context.request is None:
        raise RuntimeError("tools are only served over HTTP")
    return context.request
