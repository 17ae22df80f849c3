"""The owner of a job follows it on a stream, and other users do not."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession
from websockets.exceptions import InvalidStatus

from app.common.errors import NotFoundError
from app.infrastructure import job_event_routes
from app.infrastructure.channels import newest_position, project_channel, read_missed, user_channel
from app.infrastructure.redis import get_redis, running
from app.infrastructure.tasks import JobRead, run_job
from tests.modules.jobs.probe import probe, steps
from tests.streams import Received, Served, new_user


@pytest_asyncio.fixture(autouse=True)
async def empty_channels() -> AsyncIterator[None]:
    """No events of other tests, and no connection to another event loop."""
    async with running():
        await get_redis().flushdb()
        yield
    steps.clear()


def states(events: list[Received]) -> list[tuple[str, int]]:
    return [(event.data["status"], event.data["progress"]) for event in events]


async def test_owner_follows_the_progress(session: AsyncSession) -> None:
    owner_id, _ = await new_user(session, "ann")
    other_id, _ = await new_user(session, "ben")
    channels = [user_channel(owner_id), user_channel(other_id)]
    positions = [await newest_position(channel) for channel in channels]
    job = await probe.enqueue(session, owner_id, {})
    await session.commit()
    await run_job(probe, job.id)

    mine, others = [
        (await read_missed(channel, position)).events
        for channel, position in zip(channels, positions, strict=True)
    ]
    assert {event.name for event in mine} == {"jobs.updated"}
    shown = [json.loads(event.data) for event in mine]
    told = [(data["status"], data["progress"]) for data in shown]
    assert told == [("queued", 0), ("running", 0), ("running", 50), ("succeeded", 100)]
    assert {data["id"] for data in shown} == {str(job.id)}
    assert list(others) == []


async def test_job_of_a_project_is_told_on_its_channel(session: AsyncSession) -> None:
    project_id = uuid.uuid4()
    position = await newest_position(project_channel(project_id))
    await probe.enqueue(session, project_id, {"project_id": str(project_id)})
    await session.commit()

    [event] = (await read_missed(project_channel(project_id), position)).events
    assert event.name == "jobs.updated"


@pytest.mark.parametrize("transport", ["stream", "socket"])
async def test_stream_of_a_job_begins_with_its_state(
    served: Served, session: AsyncSession, transport: str
) -> None:
    (ann, headers), (_, stranger) = [await new_user(session, name) for name in ("ann", "eve")]
    job, other = [await probe.enqueue(session, ann, {}) for _ in range(2)]
    await session.commit()
    url, connect = f"/api/v1/jobs/{job.id}/events", getattr(served, transport)

    async with connect(url, headers) as stream:
        opened = await stream.next()
        first = await stream.next()
        await run_job(probe, other.id)
        await run_job(probe, job.id)
        told = [await stream.next() for _ in range(3)]
    async with connect(url, headers, told[0].id) as stream:
        _, *rest = [await stream.next() for _ in range(3)]

    assert (opened.name, first.name) == ("open", "jobs.updated")
    expected = [("queued", 0), ("running", 0), ("running", 50), ("succeeded", 100)]
    assert states([first, *told]) == expected
    assert states(rest) == expected[2:]
    assert {event.data["id"] for event in (first, *told, *rest)} == {str(job.id)}
    for excluded, status in ((stranger, 404), ({}, 401)):
        assert (await served.client.get(url, headers=excluded)).status_code == status
        with pytest.raises(InvalidStatus, match=str(status)):
            async with served.socket(url, excluded):
                pass


@pytest.mark.parametrize(
    ("transport", "error"),
    [("stream", NotFoundError("removed")), ("socket", ConnectionRefusedError("down"))],
)
async def test_stream_ends_if_its_job_cannot_be_read(
    served: Served,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
    transport: str,
    error: Exception,
) -> None:
    """Its response has begun, so the error can have no status."""
    owner_id, headers = await new_user(session, "ann")
    job = await probe.enqueue(session, owner_id, {})
    await session.commit()
    calls = []

    async def find_job(owner_id: uuid.UUID, job_id: uuid.UUID) -> JobRead:
        calls.append(job_id)
        if len(calls) == 1:  # the one before the response
            return job
        raise error

    monkeypatch.setattr(job_event_routes, "find_job", find_job)
    connect = getattr(served, transport)
    async with connect(f"/api/v1/jobs/{job.id}/events", headers) as stream:
        opened, end = [await stream.next() for _ in range(2)]

    assert (opened.name, end.name, end.data) == ("open", "end", {"reason": "unavailable"})
