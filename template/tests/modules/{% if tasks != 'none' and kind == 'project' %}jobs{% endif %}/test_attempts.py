"""Attempts at a job: it ends exactly once, even if workers die and messages are lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app import worker
from app.common.schemas import Schema
from app.db.base import utc_now
from app.infrastructure.broker import get_broker
from app.infrastructure.settings import get_settings
from app.infrastructure.tasks import ERROR_INTERNAL, ERROR_TIME_LIMIT, TASKS, Run, located, run_job
from app.modules.jobs import service as jobs_service
from app.modules.jobs.models import Job
from app.modules.jobs.service import AttemptService, JobService
from tests.api import count_statements
from tests.modules.jobs import probe as probe_module
from tests.modules.jobs.probe import MISSING, probe

DAY = dt.timedelta(days=1)


class Sent(Schema):
    """What a request sends."""

    size: int


class Broken:
    """A schedule with a mistake."""

    def due(self, now: dt.datetime) -> dt.datetime | None:
        raise ValueError("a mistake")


@pytest.fixture
def broker_is_down(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Point the broker at a port without a server."""
    pool = get_broker().client.connection_pool
    monkeypatch.setitem(pool.connection_kwargs, "port", 1)
    reconnect()
    return monkeypatch


def reconnect() -> None:
    """Forget the connections to the broker."""
    pool = get_broker().client.connection_pool
    pool.disconnect()
    pool.reset()


def waiting() -> int:
    """Return how many messages wait for a worker."""
    size: int = get_broker().do_qsize("default")
    return size


@contextlib.asynccontextmanager
async def relaying() -> AsyncIterator[None]:
    """Run the relay of a worker during the block."""
    stopped = asyncio.Event()
    relay = asyncio.create_task(worker.relay(stopped))
    try:
        yield
    finally:
        stopped.set()
        await relay


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until a condition holds, and a moment longer for what follows."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


async def enqueue(session: AsyncSession, does: str = "nothing") -> uuid.UUID:
    """Start a job and return its id."""
    job = await probe.enqueue(session, None, {"does": does})
    await session.commit()
    return job.id


async def read(session: AsyncSession, job_id: uuid.UUID) -> Job:
    """Return what the database has."""
    return await session.get_one(Job, job_id, populate_existing=True)


async def change(session: AsyncSession, job_id: uuid.UUID, **values: object) -> None:
    """Change a job while its worker runs."""
    job = await read(session, job_id)
    for name, value in values.items():
        setattr(job, name, value)
    await session.commit()


async def test_job_is_one_statement_and_one_message(
    session: AsyncSession, engine: AsyncEngine
) -> None:
    with count_statements(engine) as statements:
        await enqueue(session)

    assert len(statements) == 1
    assert waiting() == 1


async def test_job_that_is_rolled_back_is_not_sent(session: AsyncSession) -> None:
    await probe.enqueue(session, None, {})
    await session.rollback()
    await session.commit()

    assert waiting() == 0


async def test_job_succeeds_once(session: AsyncSession) -> None:
    job_id = await enqueue(session)

    for _ in range(2):
        await run_job(probe, job_id)

    job = await read(session, job_id)
    assert (job.status, job.progress, job.attempts) == ("succeeded", 100, 1)
    assert job.result == {"attempt": 1}
    assert job.finished_at
    assert job.send_at is None


async def test_task_gets_the_rows_and_the_data_of_a_request(session: AsyncSession) -> None:
    row_id, data = uuid.uuid4(), Sent(size=7)
    job = await probe.start(session, None, {"row_id": row_id}, data)
    await session.commit()
    response = Response()
    assert located(response, job).id == job.id
    assert response.headers["location"] == f"/api/v1/jobs/{job.id}"

    async def compare(run: Run) -> None:
        assert run.id("row_id") == row_id
        assert run.read(Sent).size == 7

    probe_module.steps.append(compare)
    await run_job(probe, job.id)

    assert (await read(session, job.id)).status == "succeeded"


async def test_error_is_tried_again_later_and_not_for_ever(session: AsyncSession) -> None:
    job_id = await enqueue(session, "fail")

    for attempt in (1, 2, 3):
        await run_job(probe, job_id)
        job = await read(session, job_id)
        assert (job.attempts, job.error) == (attempt, ERROR_INTERNAL)
        assert job.status == ("failed" if attempt == 3 else "running")
        if attempt < 3:
            assert job.send_at
            assert job.send_at - utc_now() > dt.timedelta(milliseconds=900) * 2 ** (attempt - 1)


@pytest.mark.parametrize(
    ("does", "limit", "status", "error"),
    [("miss", 60_000, "failed", MISSING), ("hang", 100, "running", ERROR_TIME_LIMIT)],
)
async def test_error_says_what_went_wrong(
    session: AsyncSession, does: str, limit: int, status: str, error: str
) -> None:
    job_id = await enqueue(session, does)

    await run_job(dataclasses.replace(probe, time_limit=limit), job_id)

    job = await read(session, job_id)
    assert (job.status, job.error) == (status, error)


async def test_cancelled_job_stops_at_its_next_report(session: AsyncSession) -> None:
    job_id, reached = await enqueue(session), []

    async def cancel(run: Run) -> None:
        await JobService(session).cancel(None, run.job_id)
        await session.commit()
        run.session.add(Job(kind="left over", arguments={}))
        await run.report(60)
        reached.append(run)

    probe_module.steps.append(cancel)
    await run_job(probe, job_id)

    job = await read(session, job_id)
    assert (job.status, job.progress, reached) == ("cancelled", 50, [])
    assert await AttemptService(session).take_due(["left over"], 1) == []


async def test_silent_worker_is_replaced_and_can_change_nothing_any_more(
    session: AsyncSession,
) -> None:
    job_id = await enqueue(session)

    async def take_over(run: Run) -> None:
        probe_module.steps.clear()
        await run_job(probe, run.job_id)
        job = await read(session, run.job_id)
        assert (job.status, job.attempts) == ("running", 1)
        await change(session, run.job_id, leased_until=utc_now())
        await run_job(probe, run.job_id)

    probe_module.steps.append(take_over)
    await run_job(probe, job_id)

    job = await read(session, job_id)
    assert (job.status, job.attempts, job.result) == ("succeeded", 2, {"attempt": 2})


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"created_at": utc_now() - DAY}, jobs_service.ERROR_TOO_OLD),
        ({"attempts": 3, "status": "running"}, jobs_service.ERROR_GAVE_UP),
        ({"arguments": {"does": "miss"}}, MISSING),
    ],
)
async def test_job_that_fails_without_another_attempt_says_so(
    session: AsyncSession, values: dict[str, object], error: str
) -> None:
    job_id, failed = await enqueue(session), []
    await change(session, job_id, **values)

    async def on_failure(_: AsyncSession, arguments: dict[str, Any]) -> None:
        failed.append(arguments)

    await run_job(dataclasses.replace(probe, on_failure=on_failure), job_id)

    job = await read(session, job_id)
    assert (job.status, job.error, job.result) == ("failed", error, None)
    assert failed == [job.arguments]


async def test_broker_that_is_down_loses_no_job(
    session: AsyncSession, broker_is_down: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job_id = await enqueue(session)
    assert (await read(session, job_id)).status == "queued"
    assert caplog.text.count("jobs are sent later") == 1
    await change(session, job_id, send_at=utc_now())
    broker_is_down.setattr(get_settings(), "task_poll_seconds", 0.01)

    async with relaying():
        await asyncio.sleep(0.1)
        assert caplog.text.count("jobs are sent later") == 2
        broker_is_down.undo()
        reconnect()
        await until(lambda: waiting() > 0)
    assert caplog.text.count("jobs are sent again") == 1
    sent = await read(session, job_id)
    assert sent.send_at
    assert sent.send_at > utc_now()


async def test_relay_goes_on_after_an_error_and_logs_it_once(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job_id = await enqueue(session)
    await change(session, job_id, send_at=utc_now())
    get_broker().flush_all()
    monkeypatch.setattr(get_settings(), "task_poll_seconds", 0.01)
    monkeypatch.setitem(TASKS, "probe", dataclasses.replace(probe, schedule=Broken()))

    async with relaying():
        await until(lambda: waiting() > 0)
        monkeypatch.setitem(TASKS, "probe", probe)
        await until(lambda: "jobs are sent again" in caplog.text)

    assert caplog.text.count("jobs are sent later: a mistake") == 1
    assert "Traceback" in caplog.text


async def test_running_task_stays_the_owner_of_its_job(
    session: AsyncSession, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "task_lease_seconds", 0.6)
    job_id = await enqueue(session)

    async def take_long(_: Run) -> None:
        with count_statements(engine) as statements:
            await until(lambda: any("leased_until" in statement for statement in statements))

    probe_module.steps.append(take_long)
    await run_job(probe, job_id)

    assert (await read(session, job_id)).status == "succeeded"


async def test_stopped_worker_gives_its_job_back_and_no_attempt_counts(
    session: AsyncSession,
) -> None:
    job_id, started = await enqueue(session, "hang"), asyncio.Event()

    async def start(_: Run) -> None:
        started.set()

    probe_module.steps.append(start)
    for _ in range(probe.max_retries + 2):
        started.clear()
        running = asyncio.create_task(run_job(probe, job_id))
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    job = await read(session, job_id)
    assert (job.status, job.attempts, job.leased_until) == ("running", 0, None)
    assert job.send_at
    assert job.send_at <= utc_now()


async def test_task_that_ignores_its_limit_is_interrupted_and_counts(
    session: AsyncSession,
) -> None:
    job_id, ignored = await enqueue(session, "hang"), asyncio.Event()

    async def ignore(_: Run) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        ignored.set()

    probe_module.steps.append(ignore)
    running = asyncio.create_task(run_job(dataclasses.replace(probe, time_limit=200), job_id))
    await ignored.wait()
    running.cancel()
    await running

    job = await read(session, job_id)
    assert (job.status, job.attempts, job.error) == ("running", 1, ERROR_TIME_LIMIT)


async def test_waiting_job_is_sent_again_later_each_time(session: AsyncSession) -> None:
    """The time since its last attempt counts, not its age."""
    job_id, resend = await enqueue(session), dt.timedelta(seconds=30)
    for waited in (DAY, resend, 2 * resend):
        now = utc_now()
        updated_at = now - waited
        await change(session, job_id, created_at=now - DAY, updated_at=updated_at, send_at=now)

        [job] = await AttemptService(session).take_due(["probe"], 1)
        await session.commit()

        job = await read(session, job_id)
        assert job.updated_at == updated_at
        assert job.send_at
        assert abs(job.send_at - now - waited) < dt.timedelta(seconds=5)


async def test_scheduled_task_starts_once_for_a_time(session: AsyncSession) -> None:
    due = utc_now()
    service = JobService(session)
    assert await service.schedule("probe", due)
    assert not await service.schedule("probe", due)
    job = (await session.scalars(sa.select(Job).filter_by(kind="probe"))).one()
    assert job.scheduled_for == due

    job.scheduled_for -= DAY
    await session.flush()
    assert await service.schedule("probe", due)
    await session.commit()
    assert waiting() == 2


async def test_renamed_task_does_not_start_again_for_the_same_time(session: AsyncSession) -> None:
    service, due = JobService(session), utc_now()

    assert await service.schedule("old_probe", due)
    assert not await service.schedule("probe", due, ["old_probe"])


async def test_time_of_a_schedule_has_one_job_even_if_it_is_older_than_the_retention(
    session: AsyncSession,
) -> None:
    service, due = JobService(session), utc_now() - 60 * DAY
    for scheduled_for in (due - 90 * DAY, due):
        assert await service.schedule("probe", scheduled_for)
    await session.execute(sa.update(Job).values(status="succeeded", finished_at=due))

    await AttemptService(session).clean_up(["probe"])

    assert (await session.scalars(sa.select(Job.scheduled_for))).all() == [due]
    assert not await service.schedule("probe", due)


async def test_old_jobs_and_those_of_unknown_tasks_end(session: AsyncSession) -> None:
    old, unknown, new = [await enqueue(session) for _ in range(3)]
    retention = get_settings().task_retention_days * DAY
    await change(session, old, finished_at=utc_now() - retention, status="failed")
    await change(session, unknown, created_at=utc_now() - DAY, kind="gone")

    await AttemptService(session).clean_up(["probe"])
    await session.commit()

    assert await session.get(Job, old, populate_existing=True) is None
    assert (await read(session, unknown)).error == jobs_service.ERROR_UNKNOWN
    assert (await read(session, new)).status == "queued"
