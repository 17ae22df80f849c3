"""Job queries: those of routes are limited to the jobs of one owner, those of workers are not.

The status of a job only moves forward. Each change is one UPDATE with its condition, so of several
concurrent changes only the first happens.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.db.keyset import Columns, Rows, fetch_page, where_matches
from app.modules.jobs.models import IdempotencyKey, Job
from app.modules.jobs.schemas import JobQuery

FILTERS: Columns = {"kind": Job.kind, "status": Job.status}
OPEN = Job.status.in_(["queued", "running"])


class JobRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, owner_id: uuid.UUID | None, job_id: uuid.UUID) -> Job | None:
        return await self._session.scalar(self._own(owner_id).filter_by(id=job_id))

    async def list_page(self, owner_id: uuid.UUID | None, query: JobQuery) -> Rows[Job]:
        statement = where_matches(self._own(owner_id), FILTERS, query)
        return await fetch_page(self._session, statement, query.sort, query)

    async def save(self, job: Job) -> None:
        self._session.add(job)
        await self._session.flush()

    async def schedule(self, job: Job, kinds: Collection[str]) -> bool:
        """Write a scheduled job, unless there is one for this time; return whether it is new."""
        same = sa.select(Job.id).filter_by(scheduled_for=job.scheduled_for)
        if await self._session.scalar(same.where(Job.kind.in_(kinds)).limit(1)):
            return False
        try:
            async with self._session.begin_nested():
                self._session.add(job)
        except IntegrityError:  # another worker was faster
            return False
        return True

    async def cancel(
        self, owner_id: uuid.UUID | None, job_id: uuid.UUID, now: dt.datetime
    ) -> Job | None:
        """Cancel a job that has not ended, or return None."""
        own = Job.owner_id == owner_id
        values = {"status": "cancelled", "finished_at": now, "send_at": None}
        return await self._change(job_id, values, own, OPEN)

    async def get_of_anyone(self, job_id: uuid.UUID) -> Job | None:
        return await self._session.get(Job, job_id)

    async def start(self, job: Job, now: dt.datetime, until: dt.datetime) -> Job | None:
        """Start an attempt, unless the job has ended or another worker runs it."""
        values = {
            "status": "running",
            "attempts": Job.attempts + 1,
            "started_at": sa.func.coalesce(Job.started_at, now),
            "send_at": until,
            "leased_until": until,
        }
        is_free = sa.or_(Job.leased_until.is_(None), Job.leased_until <= now)
        return await self._change(job.id, values, OPEN, Job.attempts == job.attempts, is_free)

    async def change_attempt(
        self, job_id: uuid.UUID, attempt: int, values: dict[str, Any]
    ) -> Job | None:
        """Change a job that this attempt still runs, or return None."""
        return await self._change(job_id, values, OPEN, Job.attempts == attempt)

    async def lock_due(self, kinds: Collection[str], now: dt.datetime, limit: int) -> Sequence[Job]:
        """Lock jobs that must be sent, those that have waited longest first."""
        due = sa.select(Job).where(OPEN, Job.send_at <= now, Job.kind.in_(kinds))
        due = due.order_by(Job.send_at).limit(limit).with_for_update(skip_locked=True)
        return (await self._session.scalars(due)).all()

    async def fail_unknown(
        self, kinds: Collection[str], before: dt.datetime, now: dt.datetime, error: str
    ) -> None:
        """Fail the jobs of tasks that no longer exist."""
        unknown = sa.update(Job).where(OPEN, Job.kind.not_in(kinds), Job.created_at < before)
        values = {"status": "failed", "error": error, "finished_at": now, "send_at": None}
        await self._session.execute(unknown.values(values))

    async def remove_ended(self, before: dt.datetime, limit: int) -> int:
        """Remove some jobs that ended long ago; return how many.

        The last job of a schedule is kept, because it says that the time has had its job.
        """
        later = aliased(Job)
        is_last = ~sa.exists().where(
            later.kind == Job.kind, later.scheduled_for > Job.scheduled_for
        )
        is_kept = sa.and_(Job.scheduled_for.is_not(None), is_last)
        ended = sa.select(Job.id).where(Job.finished_at < before, ~is_kept).limit(limit)
        statement = sa.delete(Job).where(Job.id.in_(ended)).returning(Job.id)
        return len((await self._session.scalars(statement)).all())

    async def _change(
        self, job_id: uuid.UUID, values: dict[str, Any], *conditions: sa.ColumnElement[bool]
    ) -> Job | None:
        statement = sa.update(Job).where(Job.id == job_id, *conditions).values(values)
        return await self._session.scalar(
            statement.returning(Job),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )

    def _own(self, owner_id: uuid.UUID | None) -> sa.Select[Job]:
        return sa.select(Job).where(Job.owner_id == owner_id)


class KeyRepository:
    """Queries of idempotency keys. A scope belongs to one owner."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, scope: str) -> IdempotencyKey | None:
        return await self._session.scalar(sa.select(IdempotencyKey).filter_by(scope=scope))

    async def insert(self, key: IdempotencyKey) -> bool:
        """Insert a key, after a concurrent transaction that does so. Return whether it is new."""
        try:
            async with self._session.begin_nested():
                self._session.add(key)
        except IntegrityError:
            return False
        return True

    async def store(self, scope: str, answer: dict[str, Any]) -> None:
        statement = sa.update(IdempotencyKey).filter_by(scope=scope)
        await self._session.execute(statement.values(answer=answer))

    async def remove_expired(self, now: dt.datetime) -> None:
        await self._session.execute(
            sa.delete(IdempotencyKey).where(IdempotencyKey.expires_at < now)
        )
