"""Streams of the events of one job, which begin with its state."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, WebSocket, status
from pydantic_core import from_json, to_json
from sqlalchemy.exc import SQLAlchemyError

from app.common.errors import ApiError, responses
from app.common.routing import Router
from app.db.session import get_sessions
from app.infrastructure.channels import Event, user_channel
from app.infrastructure.event_routes import (
    EventStream,
    LastPosition,
    Listener,
    OwnListener,
    SocketListener,
    send_over_socket,
)
from app.infrastructure.events import END, OPEN, PING, STALE, Reason, Right, Subscription
from app.infrastructure.job_events import UPDATED, state_of
from app.modules.jobs.schemas import JobRead
from app.modules.jobs.service import JobService

logger = logging.getLogger(__name__)


class JobEvents:
    """The events of a channel that are those of a job.

    Its state comes first, unless the client continues and has it, and where events may be missing.
    """

    def __init__(
        self,
        subscription: Subscription,
        owner_id: uuid.UUID,
        job_id: uuid.UUID,
        position: str | None,
    ) -> None:
        self._subscription = subscription
        self._owner_id = owner_id
        self._job_id = job_id
        self._with_state = (STALE,) if position else (OPEN, STALE)

    @property
    def reason(self) -> Reason | None:
        return self._subscription.reason

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for event in self._subscription:
            is_own = event.name == UPDATED and from_json(event.data)["id"] == str(self._job_id)
            if is_own or event.name in (OPEN, STALE, END, PING):
                yield event
            if event.name in self._with_state and (state := await self._read_state()):
                yield Event(event.id, UPDATED, state)

    async def _read_state(self) -> str | None:
        """Return the state of the job as JSON, or end the stream: its response has begun."""
        try:
            job = await find_job(self._owner_id, self._job_id)
        except (ApiError, SQLAlchemyError, OSError) as error:
            logger.warning("the job of a stream cannot be read: %s", error)
            self._subscription.end("unavailable")
            return None
        return to_json(state_of(job)).decode()


async def find_job(owner_id: uuid.UUID, job_id: uuid.UUID) -> JobRead:
    """Return a job of an owner, or raise 404. No connection is held afterwards."""
    async with get_sessions()() as session:
        return await JobService(session).get(owner_id, job_id)


@contextlib.asynccontextmanager
async def job_events(
    listener: Listener,
    owner_id: uuid.UUID,
    job_id: uuid.UUID,
    channel: str,
    position: str | None,
    *rights: Right,
) -> AsyncIterator[JobEvents]:
    """Open the events of a job in the channel of its owner, or raise 404."""
    await find_job(owner_id, job_id)
    async with listener.listen(channel, position, *rights) as subscription:
        yield JobEvents(subscription, owner_id, job_id, position)


async def open_own(
    job_id: uuid.UUID, listener: OwnListener, position: LastPosition
) -> AsyncIterator[JobEvents]:
    user_id = listener.user_id
    async with job_events(listener, user_id, job_id, user_channel(user_id), position) as events:
        yield events


router = Router(tags=["jobs"])


@router.get(
    "/jobs/{job_id}/events",
    response_model=None,
    response_class=EventStream,
    status_code=status.HTTP_200_OK,
    summary="Stream the events of a job",
    responses=responses(401, 404, 422, 429, 503),
)
async def stream_own(events: Annotated[JobEvents, Depends(open_own)]) -> EventStream:
    return EventStream(events)


@router.websocket("/jobs/{job_id}/events")
async def socket_own(
    job_id: uuid.UUID, socket: WebSocket, listener: SocketListener, position: LastPosition
) -> None:
    user_id = listener.user_id
    async with job_events(listener, user_id, job_id, user_channel(user_id), position) as events:
        await send_over_socket(socket, events)
