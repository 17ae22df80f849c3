"""Job business logic: `JobService` and `KeyService` for requests, `AttemptService` for workers."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from app.common.errors import ConflictError, NotFoundError
from app.common.schemas import Page
from app.db.base import utc_now, uuid7
from app.infrastructure.after_commit import after_commit
from app.infrastructure.broker import send
from app.infrastructure.job_events import publish_job
from app.infrastructure.job_traces import trace_options
from app.infrastructure.settings import get_settings
from app.modules.jobs.models import IdempotencyKey, Job
from app.modules.jobs.repository import JobRepository, KeyRepository
from app.modules.jobs.schemas import JobQuery, JobRead

ERROR_NOT_FOUND = "There is no job with this id"
ERROR_ENDED = "The job has ended"
ERROR_KEY = "Another request had this Idempotency-Key; use a new one"
ERROR_UNKNOWN = "The task no longer exists"
ERROR_TOO_OLD = "The job waited too long for a worker"
ERROR_GAVE_UP = "The worker stopped before the task was done"
# A job of an unknown task may be of a newer version of the service.
UNKNOWN_AGE = dt.timedelta(days=1)
# How long a request can be sent again.
KEY_AGE = dt.timedelta(days=1)
BATCH = 1000


class JobService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = JobRepository(session)

    async def create(
        self, owner_id: uuid.UUID | None, kind: str, arguments: dict[str, Any]
    ) -> JobRead:
        """Write a job in this transaction, and send it after the commit.

        If sending fails, or the process dies first, a worker finds the row and sends it.
        """
        job = Job(owner_id=owner_id, kind=kind, arguments=arguments, send_at=_later())
        job.trace = trace_options()
        await self._repository.save(job)
        after_commit(self._session, send, (kind, job.id, job.trace))
        publish_job(self._session, job)
        return JobRead.model_validate(job)

    async def schedule(self, kind: str, due: dt.datetime, was: Sequence[str] = ()) -> bool:
        """Write the job for a time, unless there is one, and return whether it is new.

        It can have one of the names that the task had before.
        """
        job = Job(kind=kind, arguments={}, scheduled_for=due, send_at=_later())
        is_new = await self._repository.schedule(job, [kind, *was])
        if is_new:
            after_commit(self._session, send, (kind, job.id, None))
        return is_new

    async def get(self, owner_id: uuid.UUID | None, job_id: uuid.UUID) -> JobRead:
        return JobRead.model_validate(await self._get(owner_id, job_id))

    async def list_page(self, owner_id: uuid.UUID | None, query: JobQuery) -> Page[JobRead]:
        return Page[JobRead].model_validate(await self._repository.list_page(owner_id, query))

    async def cancel(self, owner_id: uuid.UUID | None, job_id: uuid.UUID) -> JobRead:
        """Cancel a job. If it is running, it stops when it next reports its progress."""
        job = await self._repository.cancel(owner_id, job_id, utc_now())
        if job is not None:
            publish_job(self._session, job)
            return JobRead.model_validate(job)
        ended = await self._get(owner_id, job_id)
        if ended.status != "cancelled":
            raise ConflictError(ERROR_ENDED, code="job_ended")
        return JobRead.model_validate(ended)

    async def _get(self, owner_id: uuid.UUID | None, job_id: uuid.UUID) -> Job:
        job = await self._repository.get(owner_id, job_id)
        if job is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        return job


def add_job(session: Session, kind: str, arguments: dict[str, Any]) -> None:
    """Write a job of no owner with the rows that a session is about to write."""
    job = Job(id=uuid7(), kind=kind, arguments=arguments, send_at=_later(), trace=trace_options())
    session.add(job)
    after_commit(session, send, (kind, job.id, job.trace))


class KeyService:
    def __init__(self, session: AsyncSession) -> None:
        self._repository = KeyRepository(session)

    async def claim(self, scope: str, body: str) -> dict[str, Any] | None:
        """Return the answer of an earlier request, or None if this is the first one."""
        new = IdempotencyKey(scope=scope, body=body, expires_at=utc_now() + KEY_AGE)
        if await self._repository.insert(new):
            return None
        key = await self._repository.get(scope)
        if key is None or key.body != body or key.answer is None:
            raise ConflictError(ERROR_KEY, code="idempotency_key_used")
        return key.answer

    async def store(self, scope: str, answer: dict[str, Any]) -> None:
        await self._repository.store(scope, answer)


class AttemptService:
    """Attempts of workers at jobs. With an outdated `attempt`, a method changes nothing."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = JobRepository(session)

    async def start(
        self, job_id: uuid.UUID, max_attempts: int, max_age: dt.timedelta
    ) -> Job | None:
        """Start an attempt, or return None: the job has ended, or another worker runs it.

        A job that waited too long or failed too often is returned as failed.
        """
        job, now = await self._repository.get_of_anyone(job_id), utc_now()
        if job is None or job.finished_at or (job.leased_until and job.leased_until > now):
            return None
        attempt = await self._repository.start(job, now, _until())
        if attempt is None:
            return None
        publish_job(self._session, attempt)
        if attempt.attempts > max_attempts:
            await self.fail(job_id, attempt.attempts, attempt.error or ERROR_GAVE_UP)
        elif now - attempt.created_at > max_age:
            await self.fail(job_id, attempt.attempts, attempt.error or ERROR_TOO_OLD)
        return attempt

    async def report(self, job_id: uuid.UUID, attempt: int, progress: int) -> bool:
        values = {"progress": progress, "send_at": _until(), "leased_until": _until()}
        return await self._change(job_id, attempt, **values)

    async def extend(self, job_id: uuid.UUID, attempt: int) -> bool:
        """Extend the lease of a job whose task takes long."""
        values = {"send_at": _until(), "leased_until": _until()}
        return await self._repository.change_attempt(job_id, attempt, values) is not None

    async def succeed(self, job_id: uuid.UUID, attempt: int, result: dict[str, Any] | None) -> bool:
        values = {"result": result, "error": None, "progress": 100}
        return await self._end(job_id, attempt, "succeeded", **values)

    async def fail(self, job_id: uuid.UUID, attempt: int, error: str) -> bool:
        return await self._end(job_id, attempt, "failed", error=error)

    async def retry(self, job_id: uuid.UUID, attempt: int, error: str, delay: dt.timedelta) -> bool:
        """Release the job, to be started again after a while."""
        values = {"error": error, "send_at": utc_now() + delay, "leased_until": None}
        return await self._change(job_id, attempt, **values)

    async def give_back(self, job_id: uuid.UUID, attempt: int) -> bool:
        """Release a job that its worker has no time to finish. The attempt does not count."""
        values = {"attempts": attempt - 1, "send_at": utc_now(), "leased_until": None}
        return await self._change(job_id, attempt, **values)

    async def take_due(self, kinds: Collection[str], limit: int) -> Sequence[Job]:
        """Return jobs that must be sent: their message was lost, or it is time to try again.

        A message can also be slow. A waiting job is sent again after twice the time since it was
        created or an attempt ended, so that a long queue does not fill with copies.
        """
        now = utc_now()
        due = await self._repository.lock_due(kinds, now, limit)
        for job in due:
            job.send_at = max(_later(), now + (now - job.updated_at))
            flag_modified(job, "updated_at")  # it keeps its value
        return due

    async def clean_up(self, kinds: Collection[str]) -> None:
        """Remove what is old, and fail the jobs of tasks that no longer exist."""
        now = utc_now()
        retention = dt.timedelta(days=get_settings().task_retention_days)
        await self._repository.fail_unknown(kinds, now - UNKNOWN_AGE, now, ERROR_UNKNOWN)
        await self._repository.remove_ended(now - retention, BATCH)
        await KeyRepository(self._session).remove_expired(now)

    async def _end(self, job_id: uuid.UUID, attempt: int, status: str, **values: Any) -> bool:
        ended = {"finished_at": utc_now(), "send_at": None, "leased_until": None}
        return await self._change(job_id, attempt, status=status, **ended, **values)

    async def _change(self, job_id: uuid.UUID, attempt: int, **values: Any) -> bool:
        """Change the job if this attempt still runs it; return whether it does."""
        job = await self._repository.change_attempt(job_id, attempt, values)
        if job is not None:
            publish_job(self._session, job)
        return job is not None


def _later() -> dt.datetime:
    """Return when the message counts as lost if no worker has started the job."""
    return utc_now() + dt.timedelta(seconds=get_settings().task_resend_seconds)


def _until() -> dt.datetime:
    return utc_now() + dt.timedelta(seconds=get_settings().task_lease_seconds)
