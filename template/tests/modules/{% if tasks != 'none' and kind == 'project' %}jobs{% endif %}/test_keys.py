"""Idempotency keys: of concurrent requests, one has an effect."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.common.errors import ConflictError
from app.common.schemas import Model
from app.db.base import utc_now
from app.infrastructure.idempotency import ERROR_CHANGED, OnceRunner
from app.modules.jobs import service as jobs_service
from app.modules.jobs.models import IdempotencyKey
from app.modules.jobs.schemas import JobRead
from app.modules.jobs.service import AttemptService, KeyService
from tests.modules.jobs.probe import probe

TIMES = 5


@pytest_asyncio.fixture
async def committed(engine: AsyncEngine, database_url: str) -> AsyncIterator[AsyncEngine]:
    """The engine, for transactions that see one another. Their keys are removed afterwards."""
    if database_url == "sqlite+aiosqlite://":
        pytest.skip("a database in memory has one connection")
    yield engine
    async with engine.begin() as connection:
        await connection.execute(sa.delete(IdempotencyKey))


async def test_one_of_many_at_once_has_the_effect(committed: AsyncEngine) -> None:
    effects = []

    async def send(number: int) -> dict[str, Any] | None:
        async with AsyncSession(committed) as session, session.begin():
            answered = await KeyService(session).claim("scope", "body")
            if answered is None:
                effects.append(number)
                await asyncio.sleep(0.05)
                await KeyService(session).store("scope", {"number": number})
            return answered

    answers = await asyncio.gather(*map(send, range(TIMES)))

    assert len(effects) == 1
    assert answers.count(None) == 1
    assert answers.count({"number": effects[0]}) == TIMES - 1


async def test_key_belongs_to_an_owner_and_a_route(session: AsyncSession) -> None:
    async def start() -> JobRead:
        return await probe.enqueue(session, None, {})

    owner = uuid.uuid4()
    ids = []
    for request, owner_id in [("a", owner), ("a", owner), ("b", owner), ("a", uuid.uuid4())]:
        once = OnceRunner(KeyService(session), request, "key", b"")
        ids.append((await once.run(owner_id, JobRead, start)).id)

    assert ids[0] == ids[1]
    assert len({*ids}) == 3


class Row(Model):
    """An answer whose fields change with a deployment."""

    id: uuid.UUID
    size: int


class Named(Model):
    """The same answer with a new field and without an old one."""

    id: uuid.UUID
    name: str


class Other(Model):
    """The same answer with another type."""

    id: int


async def test_answer_of_an_older_version_is_returned(session: AsyncSession) -> None:
    row = Row(id=uuid.uuid4(), size=3)

    async def create() -> Row:
        return row

    once = OnceRunner(KeyService(session), "a", "key", b"")
    assert await once.run(None, Row, create) == row
    named = await once.run(None, Named, unexpected)
    assert named.model_dump() == {"id": row.id}
    assert await once.run(None, Row, unexpected) == row
    with pytest.raises(ConflictError, match=ERROR_CHANGED):
        await once.run(None, Other, unexpected)


async def unexpected() -> Any:
    """Fail if a request that was answered has its effect again."""
    raise AssertionError


async def test_request_without_a_key_has_its_effect_each_time(session: AsyncSession) -> None:
    once = OnceRunner(KeyService(session), "a", None, b"")

    async def start() -> JobRead:
        return await probe.enqueue(session, None, {})

    first, second = [await once.run(None, JobRead, start) for _ in range(2)]

    assert first.id != second.id


async def test_expired_key_is_free(session: AsyncSession) -> None:
    for body in ("first", "second"):
        assert await KeyService(session).claim("scope", body) is None
        with pytest.raises(ConflictError):
            await KeyService(session).claim("scope", "third")
        statement = sa.update(IdempotencyKey).values(expires_at=utc_now() - jobs_service.KEY_AGE)
        await session.execute(statement)
        await AttemptService(session).clean_up([])
