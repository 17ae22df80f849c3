"""Streams of events for tests: a real server, and clients that read from it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from websockets.asyncio.client import ClientConnection, connect

from app.infrastructure import tokens
from app.infrastructure.events import get_hub
from app.infrastructure.settings import get_settings
from app.infrastructure.tokens import Claims
from tests.modules.users.factory import user

SECONDS = 5  # to wait for an event that has to come


@dataclass(frozen=True)
class Received:
    """An event as a client gets it; `open` is where a stream starts."""

    id: str
    name: str
    data: Any
    retry: int | None = None


async def new_user(session: AsyncSession, name: str) -> tuple[uuid.UUID, dict[str, str]]:
    """Create a user; return their id and headers with their token."""
    row = user(name)
    session.add(row)
    await session.commit()
    token = tokens.issue(Claims(row.id, session_id=uuid.uuid4(), version=0))
    return row.id, {"Authorization": f"Bearer {token}"}


class Stream:
    """A stream of server-sent events."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> Received:
        """Return the next event; comments, such as pings, are skipped."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif set(fields) - {""}:
                    break
                else:
                    fields = {}
            else:
                raise EOFError
        data = json.loads(fields["data"]) if "data" in fields else None
        retry = int(fields["retry"]) if "retry" in fields else None
        return Received(fields.get("id", ""), fields.get("event", "open"), data, retry)


class Socket:
    """A stream over a WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def next(self) -> Received:
        """Return the next event."""
        async with asyncio.timeout(SECONDS):
            message = json.loads(await self.connection.recv())
        return Received(message["id"], message["event"], message["data"])


class Served:
    """The application on a separate port."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    @contextlib.asynccontextmanager
    async def stream(
        self, url: str, headers: dict[str, str], after: str | None = None
    ) -> AsyncIterator[Stream]:
        """Open server-sent events."""
        position = {} if after is None else {"Last-Event-ID": after}
        async with self.client.stream("GET", url, headers=headers | position) as response:
            assert response.status_code == 200, await response.aread()
            yield Stream(response)

    @contextlib.asynccontextmanager
    async def socket(
        self, url: str, headers: dict[str, str], after: str | None = None, **options: Any
    ) -> AsyncIterator[Socket]:
        """Open a WebSocket."""
        query = "" if after is None else f"?last_event_id={after}"
        address = str(self.client.base_url).replace("http", "ws").rstrip("/") + url + query
        async with connect(address, additional_headers=headers, **options) as connection:
            yield Socket(connection)


def client_of(url: str = "") -> httpx2.AsyncClient:
    """Return a client for any number of streams, without TLS, whose certificates load slowly."""
    unlimited = httpx2.Limits(max_connections=None)
    return httpx2.AsyncClient(base_url=url, limits=unlimited, verify=False)


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    """The application on a port, whose streams are closed after the test."""
    from app.main import app  # reads the settings, which are set by now

    async with serve(app) as served:
        yield served
        await get_hub().close()
        get_hub.cache_clear()


@contextlib.asynccontextmanager
async def serve(app: FastAPI) -> AsyncIterator[Served]:
    """Serve an application in this event loop, whose sessions are those of the test.

    They share a connection, which checks of rights must not use at the same time.
    """
    get_settings().event_check_seconds = 3600
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        port = listener.getsockname()[1]
        async with client_of(f"http://127.0.0.1:{port}") as client:
            yield Served(client)
        server.should_exit = True
        await task
