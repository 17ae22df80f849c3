"""Streams of the events of a project, for its members."""

from __future__ import annotations

import uuid
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, WebSocket, status

from app.common.errors import responses
from app.common.routing import Router
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
from app.infrastructure.events import Right, Subscription
from app.modules.projects.models import Member, Project
from app.modules.projects.service import MemberService


async def require_member(project_id: uuid.UUID, listener: Listener) -> Right:
    """Return the right of a member, or raise 404."""
    async with get_sessions()() as session:
        await MemberService(session).require_role(project_id, listener.user_id, "viewer")
    return find_members, (project_id, listener.user_id)


async def find_members(
    asked: set[tuple[uuid.UUID, uuid.UUID]],
) -> set[tuple[uuid.UUID, uuid.UUID]]:
    """Return those of the projects and users where the user is still a member."""
    rows = sa.select(Member.project_id, Member.user_id).join(
        Project, Project.id == Member.project_id
    )
    rows = rows.where(
        Member.project_id.in_([project_id for project_id, _ in asked]),
        Member.user_id.in_([user_id for _, user_id in asked]),
        sa.not_(Member.is_deleted),
        sa.not_(Project.is_deleted),
    )
    async with get_sessions()() as session:
        return {(project_id, user_id) for project_id, user_id in await session.execute(rows)}


async def open_project(
    project_id: uuid.UUID, listener: OwnListener, position: LastPosition
) -> Opened:
    right = await require_member(project_id, listener)
    async with listener.listen(project_channel(project_id), position, right) as subscription:
        yield subscription


router = Router(tags=["events"])


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
    right = await require_member(project_id, listener)
    async with listener.listen(project_channel(project_id), position, right) as subscription:
        await send_over_socket(socket, subscription)
