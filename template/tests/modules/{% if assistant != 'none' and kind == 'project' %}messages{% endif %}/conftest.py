"""An application with tools, a conversation in it, and a server with the API of OpenAI."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import DbSession
from app.infrastructure.auth import Administrator, CurrentUserId
from app.infrastructure.tools import tool
from app.modules.conversations.schemas import ConversationRead
from app.modules.conversations.service import ConversationService
from tests.api import JSON, create
from tests.contract.owners import sign_in
from tests.fixtures import client_of

URL = "/api/v1/conversations"
LONG = "long " * 1_000


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """An application with tools: one for rows of users, one for administrators, and others."""
    from app.main import create_app  # reads the settings, which are set by now

    made = create_app()

    async def get_conversation(
        user_id: CurrentUserId, conversation_id: uuid.UUID, session: DbSession
    ) -> ConversationRead:
        return await ConversationService(session).get(user_id, conversation_id)

    async def delete_everything(_: Administrator) -> dict[str, Any]:
        raise AssertionError("the caller is not an administrator")

    async def wait() -> dict[str, Any]:
        await anyio.sleep(60)
        return {}

    async def read_page() -> dict[str, Any]:
        return {"text": LONG}

    for route in (get_conversation, delete_everything, wait, read_page):
        name = route.__name__
        path = f"/{name}/{{conversation_id}}" if route is get_conversation else f"/{name}"
        made.add_api_route(path, route, methods=["GET"], openapi_extra=tool(name))
    return made


@pytest_asyncio.fixture
async def chat(
    app: FastAPI, client: httpx2.AsyncClient, session: AsyncSession
) -> httpx2.AsyncClient:
    """A client of that application, who is the owner."""
    user = client_of(app)
    await sign_in(user, session)
    return user


@pytest_asyncio.fixture
async def conversation(chat: httpx2.AsyncClient) -> JSON:
    return await create(chat, URL, {"title": "alpha"})


@dataclass
class ModelServer:
    """A server with the API of chat completions; it answers with the chunks of a script."""

    url: str = ""
    script: list[Sequence[JSON]] = field(default_factory=list)
    requests: list[tuple[str, JSON]] = field(default_factory=list)


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    found = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.requests.append((f"{self.path} {self.headers['Authorization']}", body))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for delta in found.script.pop(0):
                usage = delta.pop("usage", None)
                chunk = {
                    **{"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"},
                    "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
                    "usage": usage,
                }
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield found
        server.shutdown()
