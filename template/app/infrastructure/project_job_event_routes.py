"""Streams of the events of one job of a project, for its members."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, WebSocket, status

from app.common.errors import responses
from app.common.routing import Router
from app.infrastructure.channels import project_channel
from app.infrastructure.event_routes import (
    EventStream,
    LastPosition,
    OwnListener,
    SocketListener,
    send_over_socket,
)
from app.infrastructure.job_event_routes import JobEvents, job_events
from app.infrastructure.project_event_routes import require_member


async def open_project(
    project_id: uuid.UUID, job_id: uuid.UUID, listener: OwnListener, position: LastPosition
) -> AsyncIterator[JobEvents]:
    right = await require_member(project_id, listener)
    channel = project_channel(project_id)
    async with job_events(listener, project_id, job_id, channel, position, right) as events:
        yield events


router = Router(tags=["jobs"])


@router.get(
    "/projects/{project_id}/jobs/{job_id}/events",
    response_model=None,
    response_class=EventStream,
    status_code=status.HTTP_200_OK,
    summary="Stream the events of a job of a project",
    responses=responses(401, 404, 422, 429, 503),
)
async def stream_project(events: Annotated[JobEvents, Depends(open_project)]) -> EventStream:
    return EventStream(events)


@router.websocket("/projects/{project_id}/jobs/{job_id}/events")
async def socket_project(
    project_id: uuid.UUID,
    job_id: uuid.UUID,
    socket: WebSocket,
    listener: SocketListener,
    position: LastPosition,
) -> None:
    right = await require_member(project_id, listener)
    channel = project_channel(project_id)
    async with job_events(listener, project_id, job_id, channel, position, right) as events:
        await send_over_socket(socket, events)
