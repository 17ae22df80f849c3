"""Tasks: functions that workers run, each run as a job that clients can follow.

@task(queue="default", max_retries=3, min_backoff=1_000, time_limit=60_000, max_age=86_400_000)
async def resize(run: Run) -> None:
    await ImageService(run.session).resize(run, **run.arguments)

await resize.enqueue(session, user_id, {"image_id": str(image_id), "width": 640})
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import dramatiq
from dramatiq.common import compute_backoff
from fastapi import Response
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ApiError, UnavailableError
from app.common.schemas import Schema
from app.db.session import get_sessions
from app.infrastructure.broker import get_broker
from app.infrastructure.job_traces import continued_trace
from app.infrastructure.schedules import Schedule, read_schedule
from app.infrastructure.settings import get_settings
from app.modules.jobs.models import Job
from app.modules.jobs.schemas import JobRead
from app.modules.jobs.service import AttemptService, JobService

ERROR_TIME_LIMIT = "The task took too long"
ERROR_INTERNAL = "The task failed unexpectedly"
API = "/api/v1"
MAX_BACKOFF = 3_600_000
# The broker interrupts a task that cannot be interrupted in time, and drops a message that is old.
GRACE = 10_000

__all__ = ["TASKS", "JobRead", "Run", "Task", "located", "run_job", "task"]

logger = logging.getLogger(__name__)


Data = TypeVar("Data", bound=Schema)


class StoppedError(Exception):
    """The job was cancelled, or another worker has taken it over."""


@dataclass(frozen=True)
class Run:
    """An attempt at a job, as the function of its task receives it."""

    job_id: uuid.UUID
    owner_id: uuid.UUID | None
    arguments: dict[str, Any]
    attempt: int
    session: AsyncSession

    def id(self, name: str) -> uuid.UUID:
        """Return the id of a row for which the task was started."""
        return uuid.UUID(self.arguments[name])

    def read(self, schema: type[Data]) -> Data:
        """Return the body of the request that started the task."""
        names = schema.model_fields.keys() & self.arguments.keys()
        return schema.model_validate({name: self.arguments[name] for name in names})

    async def report(self, progress: int) -> None:
        """Commit what is done so far, with the progress in percent.

        If the job was cancelled, what was done since the last report is rolled back, and the task
        ends with `StoppedError`. No transaction is open afterwards: slow work comes next.
        """
        if not await AttemptService(self.session).report(self.job_id, self.attempt, progress):
            raise StoppedError
        await self.session.commit()


Work = Callable[[Run], Awaitable[dict[str, Any] | None]]
# What a failed job changes, by its arguments, in the transaction that ends it.
OnFailure = Callable[[AsyncSession, dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Task:
    """A function that workers run, and its bounds, in milliseconds."""

    work: Work
    max_retries: int
    min_backoff: int
    time_limit: int
    max_age: int
    schedule: Schedule | None
    on_failure: OnFailure | None

    @property
    def kind(self) -> str:
        return self.work.__name__

    async def enqueue(
        self, session: AsyncSession, owner_id: uuid.UUID | None, arguments: dict[str, Any]
    ) -> JobRead:
        """Write a job in the transaction of this session. A worker runs it after the commit."""
        return await JobService(session).create(owner_id, self.kind, arguments)

    async def start(
        self,
        session: AsyncSession,
        owner_id: uuid.UUID | None,
        ids: Mapping[str, uuid.UUID],
        data: Schema,
    ) -> JobRead:
        """Write a job for the rows with these ids and the body of a request."""
        texts = {name: str(row_id) for name, row_id in ids.items()}
        return await self.enqueue(session, owner_id, texts | data.model_dump(mode="json"))


# Every task by the kinds of its jobs: its name, and those that it had before.
TASKS: dict[str, Task] = {}


def task(
    *,
    queue: str,
    max_retries: int,
    min_backoff: int,
    time_limit: int,
    max_age: int,
    every: str = "",
    was: Sequence[str] = (),
    on_failure: OnFailure | None = None,
) -> Callable[[Work], Task]:
    """Return a decorator that makes a function a task. It can run twice, and must tolerate that.

    A failed attempt is repeated `max_retries` times, after `min_backoff` milliseconds at first
    and twice as many each time. An attempt takes `time_limit` at most, and none starts when the job
    is older than `max_age`. With `every`, such as `15m`, `2h`, `1d` or the cron expression
    `30 3 * * *`, a job starts at these times, once for all workers. The task also runs the jobs of
    the names in `was`, which it had before. `on_failure` runs when a job fails, also if that is
    because it waited too long or its workers died.
    """

    def register(work: Work) -> Task:
        schedule = read_schedule(every)
        bounds = (max_retries, min_backoff, time_limit, max_age)
        registered = Task(work, *bounds, schedule, on_failure)

        async def run(job_id: str) -> None:
            with continued_trace(registered.kind):
                await run_job(registered, uuid.UUID(job_id))

        for kind in (registered.kind, *was):
            as_actor = dramatiq.actor(
                actor_name=kind,
                broker=get_broker(),
                queue_name=queue,
                max_retries=max_retries,
                min_backoff=min_backoff,
                time_limit=time_limit + GRACE,
                max_age=max_age + GRACE,
            )
            as_actor(run)
            TASKS[kind] = registered
        return registered

    return register


def located(response: Response, job: JobRead, project_id: uuid.UUID | None = None) -> JobRead:
    """Set the `Location` of a response to its job, which may belong to a project."""
    owner = f"/projects/{project_id}" if project_id else ""
    response.headers["Location"] = f"{API}{owner}/jobs/{job.id}"
    return job


async def run_job(task: Task, job_id: uuid.UUID) -> None:
    """Make one attempt at a job, unless it has ended or is running."""
    max_age = dt.timedelta(milliseconds=task.max_age)
    async with get_sessions().begin() as session:
        job = await AttemptService(session).start(job_id, 1 + task.max_retries, max_age)
        if job and job.finished_at and task.on_failure:
            await task.on_failure(session, job.arguments)
    if job is None or job.finished_at:
        return
    async with _kept(job):
        try:
            await _attempt(task, job)
        except StoppedError:
            logger.info("the job was stopped", extra={"job_id": job_id})
        except asyncio.CancelledError:
            async with get_sessions().begin() as session:
                await AttemptService(session).give_back(job.id, job.attempts)
            raise
        except Exception as error:  # allow(V3): it is logged and stored with the job
            await _fail(task, job, error)


async def _attempt(task: Task, job: Job) -> None:
    """Run the task, and commit its changes together with the end of the job."""
    async with get_sessions()() as session:
        result = await _work(task, Run(job.id, job.owner_id, job.arguments, job.attempts, session))
        if not await AttemptService(session).succeed(job.id, job.attempts, result):
            raise StoppedError
        await session.commit()
    logger.info("the task succeeded", extra={"job_id": job.id, "kind": job.kind})


async def _work(task: Task, run: Run) -> dict[str, Any] | None:
    try:
        async with asyncio.timeout(task.time_limit / 1000) as limit:
            return await task.work(run)
    # A task that does not stop at its limit is interrupted again, by the broker.
    except (TimeoutError, asyncio.CancelledError) as error:
        if limit.expired():
            raise UnavailableError(ERROR_TIME_LIMIT) from error
        raise


async def _fail(task: Task, job: Job, error: Exception) -> None:
    """End the job, or release it for another attempt.

    An error of the caller, such as a missing row, would occur again.
    """
    known = error if isinstance(error, ApiError) else None
    if known is None:
        logger.error("the task failed", exc_info=error, extra={"job_id": job.id})
    text = str(known.detail) if known else ERROR_INTERNAL
    if job.attempts > task.max_retries or (known and known.status_code < 500):
        async with get_sessions().begin() as session:
            has_ended = await AttemptService(session).fail(job.id, job.attempts, text)
            if has_ended and task.on_failure:
                await task.on_failure(session, job.arguments)
        return
    _, delay = compute_backoff(
        job.attempts - 1, factor=task.min_backoff, max_backoff=max(MAX_BACKOFF, task.min_backoff)
    )
    async with get_sessions().begin() as session:
        wait = dt.timedelta(milliseconds=delay)
        await AttemptService(session).retry(job.id, job.attempts, text, wait)


@contextlib.asynccontextmanager
async def _kept(job: Job) -> AsyncIterator[None]:
    """Keep the lease of the job until the block ends."""
    ended = asyncio.Event()
    keeper = asyncio.create_task(_keep(job, ended))
    try:
        yield
    finally:
        ended.set()
        await keeper


async def _keep(job: Job, ended: asyncio.Event) -> None:
    """Extend the lease three times while it lasts, as long as this attempt owns the job."""
    is_ours = True
    while is_ours:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), get_settings().task_lease_seconds / 3)
            return
        try:
            async with get_sessions().begin() as session:
                is_ours = await AttemptService(session).extend(job.id, job.attempts)
        except (SQLAlchemyError, OSError) as error:
            logger.warning("the lease is not extended: %s", error, extra={"job_id": job.id})
