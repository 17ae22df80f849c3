"""The owner of a job follows it on a stream, and other users do not."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from app.infrastructure.channels import newest_position, project_channel, read_missed, user_channel
from app.infrastructure.redis import get_redis, running
from app.infrastructure.tasks import run_job
from tests.modules.jobs.probe import probe, steps
from tests.streams import new_user


@pytest_asyncio.fixture(autouse=True)
async def empty_channels() -> AsyncIterator[None]:
    """No events of other tests, and no connection to another event loop."""
    async with running():
        await get_redis().flushdb()
        yield
    steps.clear()


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
    states = [(data["status"], data["progress"]) for data in shown]
    assert states == [("queued", 0), ("running", 0), ("running", 50), ("succeeded", 100)]
    assert {data["id"] for data in shown} == {str(job.id)}
    assert list(others) == []


async def test_job_of_a_project_is_told_on_its_channel(session: AsyncSession) -> None:
    project_id = uuid.uuid4()
    position = await newest_position(project_channel(project_id))
    await probe.enqueue(session, project_id, {"project_id": str(project_id)})
    await session.commit()

    [event] = (await read_missed(project_channel(project_id), position)).events
    assert event.name == "jobs.updated"
