"""A worker as a process: it runs jobs, replaces a worker that was killed, and stops when asked."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.base import utc_now
from app.modules.jobs.models import Job

COMMAND = [sys.executable, "-m", "tests.modules.jobs.probe"]
FAST = {"TASK_POLL_SECONDS": "0.1", "TASK_RESEND_SECONDS": "1", "TASK_LEASE_SECONDS": "1"}
WAIT_SECONDS = 90


@pytest_asyncio.fixture
async def job_id(engine: AsyncEngine, database_url: str) -> AsyncIterator[uuid.UUID]:
    """A job whose first worker dies, and whose task has been renamed since it was started.

    Other processes see it, so it is removed afterwards.
    """
    if database_url == "sqlite+aiosqlite://":
        pytest.skip("no other process sees a database in memory")
    job_id = uuid.uuid4()
    job = sa.insert(Job).values(
        id=job_id, kind="old_probe", arguments={"does": "die"}, send_at=utc_now()
    )
    async with engine.begin() as connection:
        await connection.execute(job)
    yield job_id
    async with engine.begin() as connection:
        await connection.execute(sa.delete(Job).where(Job.id == job_id))


async def test_job_outlives_its_worker(
    engine: AsyncEngine, job_id: uuid.UUID, database_url: str
) -> None:
    environment = {**os.environ, **FAST, "DATABASE_URL": database_url}
    statement = sa.select(Job.status, Job.attempts).where(Job.id == job_id)
    workers = await asyncio.create_subprocess_exec(*COMMAND, env=environment, stdout=PIPE)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            ended = None
            while ended != ("succeeded", 2):
                await asyncio.sleep(0.1)
                async with engine.connect() as connection:
                    ended = tuple((await connection.execute(statement)).one())
    finally:
        workers.terminate()
    output, _ = await workers.communicate()
    assert sorted(output.split()) == [b"%d" % -signal.SIGKILL, b"0"]
