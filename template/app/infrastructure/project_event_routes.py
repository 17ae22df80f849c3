"""Streams of the events of a project, for its members."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket, status

from app.common.errors import responses
from app.db.session import get_sessions
from app.infrastructure.channels import project_channel
from app.infrastructure.event_routes import (
    EventStream,
    LastPosition,
    Listener,
    Opened,
    OwnListener,
    SocketListener,
    send_over_socket,
)
from app.infrastructure.events import Subscription
from app.modules.projects.service import MemberService


async def require_member(project_id: uuid.UUID, listener: Listener) -> None:
    """Raise 404 if the listener is not a member."""
    async with get_sessions()() as session:
        await MemberService(session).require_role(project_id, listener.user_id, "viewer")


async def open_project(
    project_id: uuid.UUID, listener: OwnListener, position: LastPosition
) -> Opened:
    await require_member(project_id, listener)
    async with listener.listen(project_channel(project_id), position) as subscription:
        yield subscription


router = APIRouter(tags=["events"])


@router.get(
    "/projects/{project_id}/events",
    response_model=None,
    response_class=EventStream,
    status_code=status.HTTP_200_OK,
    summary="Stream the events of a project",
    responses=responses(401, 404, 422, 429, 503),
)
async def stream_project(
    subscription: Annotated[Subscription, Depends(open_project)],
) -> EventStream:
    return EventStream(subscription)


@router.websocket("/projects/{project_id}/events")
async def socket_project(
    project_id: uuid.UUID, socket: WebSocket, listener: SocketListener, position: LastPosition
) -> None:
    await require_member(project_id, listener)
    async with listener.listen(project_channel(project_id), position) as subscription:
        await send_over_socket(socket, subscription)
