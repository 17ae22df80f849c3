"""Streams of events, as server-sent events and over WebSockets.

The user is found with a session that is closed before the first byte, so an open stream holds no
connection to the database. A stream ends when the token expires, and soon after it is revoked.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Protocol

import anyio
import sqlalchemy as sa
from fastapi import Depends, Header, Query, Request, WebSocket, status
from fastapi.responses import StreamingResponse
from fastapi.security.utils import get_authorization_scheme_param
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import AfterValidator, Field
from pydantic_core import from_json
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from app.common.errors import responses
from app.common.parameters import require_single_values
from app.common.routing import Router
from app.db.session import get_sessions
from app.infrastructure import tokens
from app.infrastructure.auth import UnauthorizedError, bearer
from app.infrastructure.channels import SHARED_CHANNEL, Event, order, user_channel
from app.infrastructure.cookies import ACCESS_COOKIE, read_cookie
from app.infrastructure.events import END, OPEN, PING, Reason, Right, Subscription, get_hub
from app.infrastructure.pages import require_known_page
from app.infrastructure.settings import get_settings
from app.modules.users.models import User
from app.modules.users.service import UserService

# A browser cannot set the header `Authorization` of a WebSocket. It offers the protocol `events`,
# which the service selects, and one that holds the token.
PROTOCOL = "events"
BEARER_PREFIX = "bearer."
# Codes of a closed WebSocket: a new token is needed, or does not help, the service restarts, or try
# again later.
CLOSE_CODES = {"expired": 4401, "revoked": 4403, "stopping": 1012, "unavailable": 1013}
# Caches must not store a stream, and proxies must not buffer it.
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
ERROR_POSITION = "This is not the id of an event"
MAX_PART = 2**63
# What uvicorn logs as an error of the service after a WebSocket was refused, as by a wrong token.
REFUSED = "ASGI callable returned without completing handshake."

logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg != REFUSED)


def require_position(value: str) -> str:
    """Reject an id that Redis cannot read."""
    if max(order(value)) >= MAX_PART:
        raise ValueError(ERROR_POSITION)
    return value


Position = Annotated[
    str,
    Field(pattern=r"^\d{1,20}-\d{1,20}$", description="Id of the last event that was received"),
    AfterValidator(require_position),
]


@dataclass(frozen=True)
class Listener:
    """The user who opens a stream, and when the token expires."""

    user_id: uuid.UUID
    version: int
    expires_at: int

    def listen(
        self, channel: str, position: str | None, *rights: Right
    ) -> AbstractAsyncContextManager[Subscription]:
        """Open a channel that the user may read as long as the rights are valid."""
        seconds = self.expires_at - time.time()
        rights = ((find_active, (self.user_id, self.version)), *rights)
        return get_hub().subscribed(channel, self.user_id, seconds, position, *rights)


async def find_active(versions: set[tuple[uuid.UUID, int]]) -> set[tuple[uuid.UUID, int]]:
    """Return those of the users, with the versions of their tokens, who are still signed in."""
    rows = sa.select(User.id, User.token_version).where(
        User.id.in_([user_id for user_id, _ in versions]), User.is_active, sa.not_(User.is_deleted)
    )
    async with get_sessions()() as session:
        return {(user_id, version) for user_id, version in await session.execute(rows)}


async def get_listener(
    request: Request, header: Annotated[str | None, Depends(bearer)]
) -> Listener:
    """Return the listener of a stream of server-sent events."""
    return await find_listener(header or read_cookie(request, ACCESS_COOKIE) or "")


async def get_socket_listener(socket: WebSocket) -> Listener:
    """Return the listener of a WebSocket. With a cookie, the page must be a known one."""
    scheme, token = get_authorization_scheme_param(socket.headers.get("Authorization"))
    if scheme.lower() != "bearer":
        offered = socket.scope["subprotocols"]
        hidden = [name for name in offered if name.startswith(BEARER_PREFIX)]
        token = hidden[0].removeprefix(BEARER_PREFIX) if hidden else ""
    if not token and (token := read_cookie(socket, ACCESS_COOKIE) or ""):
        # Browsers let every page open a WebSocket with cookies.
        await require_known_page(socket)
    return await find_listener(token)


async def find_listener(token: str) -> Listener:
    """Return the active user of a valid token, or raise 401."""
    claims = tokens.read(token)
    if claims is None:
        raise UnauthorizedError()
    async with get_sessions()() as session:
        user = await UserService(session).find(claims.user_id, claims.version)
    if user is None:
        raise UnauthorizedError()
    return Listener(user.id, claims.version, claims.expires_at)


async def get_position(
    connection: HTTPConnection,
    last_event_id: Annotated[Position | None, Query()] = None,
    header: Annotated[Position | None, Header(alias="Last-Event-ID")] = None,
) -> str | None:
    """Return where a stream continues. Browsers set the header when they reconnect."""
    require_single_values(connection)  # routes of sockets do not
    return header or last_event_id


LastPosition = Annotated[str | None, Depends(get_position)]


class Events(Protocol):
    """The events of a stream: a subscription, or some of its events."""

    @property
    def reason(self) -> Reason | None:
        """Why the stream has ended."""

    def __aiter__(self) -> AsyncIterator[Event]: ...


class EventStream(StreamingResponse):
    """The events of a stream as server-sent events.

    The response of FastAPI is for endpoints that yield. It logs an error for every client that
    disconnects while an event is sent to it.
    """

    media_type = "text/event-stream"

    def __init__(self, events: Events) -> None:
        super().__init__(_encode_all(events), headers=HEADERS)


async def _encode_all(events: Events) -> AsyncIterator[bytes]:
    async for event in events:
        yield KEEPALIVE_COMMENT if event.name == PING else _encode(event)


def _encode(event: Event) -> bytes:
    """Encode an event. The first one has only an id and the time to wait before reconnecting."""
    return format_sse_event(
        id=event.id or None,
        event=event.name if event.data else None,
        data_str=event.data or None,
        retry=get_settings().event_retry_ms if event.name in (OPEN, END) else None,
    )


async def send_over_socket(socket: WebSocket, events: Events) -> None:
    """Send the events of a stream as JSON until it ends or the client closes the socket."""
    await socket.accept(PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_wait_for_close, socket, tasks.cancel_scope)
        with contextlib.suppress(WebSocketDisconnect):
            async for event in events:
                if event.name == PING:  # the server sends its own pings
                    continue
                data = from_json(event.data) if event.data else None
                await socket.send_json({"id": event.id, "event": event.name, "data": data})
            await socket.close(CLOSE_CODES[events.reason or "unavailable"])
        tasks.cancel_scope.cancel()


async def _wait_for_close(socket: WebSocket, scope: anyio.CancelScope) -> None:
    """Read and ignore what the client sends, to notice when it disconnects."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


Opened = AsyncIterator[Subscription]
OwnListener = Annotated[Listener, Depends(get_listener)]
SocketListener = Annotated[Listener, Depends(get_socket_listener)]


async def open_shared(listener: OwnListener, position: LastPosition) -> Opened:
    async with listener.listen(SHARED_CHANNEL, position) as subscription:
        yield subscription


async def open_own(listener: OwnListener, position: LastPosition) -> Opened:
    async with listener.listen(user_channel(listener.user_id), position) as subscription:
        yield subscription


router = Router(tags=["events"])


@router.get(
    "/events",
    response_model=None,
    response_class=EventStream,
    status_code=status.HTTP_200_OK,
    summary="Stream the events of rows without an owner",
    responses=responses(401, 422, 429, 503),
)
async def stream_shared(
    subscription: Annotated[Subscription, Depends(open_shared)],
) -> EventStream:
    return EventStream(subscription)


@router.get(
    "/users/me/events",
    response_model=None,
    response_class=EventStream,
    status_code=status.HTTP_200_OK,
    summary="Stream your events",
    responses=responses(401, 422, 429, 503),
)
async def stream_own(
    subscription: Annotated[Subscription, Depends(open_own)],
) -> EventStream:
    return EventStream(subscription)


@router.websocket("/events")
async def socket_shared(
    socket: WebSocket, listener: SocketListener, position: LastPosition
) -> None:
    async with listener.listen(SHARED_CHANNEL, position) as subscription:
        await send_over_socket(socket, subscription)


@router.websocket("/users/me/events")
async def socket_own(socket: WebSocket, listener: SocketListener, position: LastPosition) -> None:
    async with listener.listen(user_channel(listener.user_id), position) as subscription:
        await send_over_socket(socket, subscription)
