"""A cached value is the newest one and is loaded once; without the cache, all values are loaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.common.errors import NotFoundError
from app.common.schemas import Schema
from app.infrastructure import cache
from app.infrastructure.cache import cached, forget
from app.infrastructure.redis import get_redis, running
from app.infrastructure.settings import get_settings
from dev.valkey import serve

KEY = "user:1:cache:numbers:1"
SECONDS = 60
Sessions = async_sessionmaker[AsyncSession]


class Number(Schema):
    number: int


class Source:
    """What is cached: a number, how often it was loaded, and when a load can end."""

    def __init__(self) -> None:
        self.number = 1
        self.loads = 0
        self.has_begun, self.can_end = asyncio.Event(), asyncio.Event()
        self.can_end.set()

    async def load(self) -> Number:
        number = Number(number=self.number)
        self.loads += 1
        self.has_begun.set()
        await self.can_end.wait()
        return number

    async def get(self, sessions: Sessions) -> int:
        async with sessions() as session:
            return (await cached(session, KEY, Number, SECONDS, self.load)).number


@pytest.fixture
def source() -> Source:
    return Source()


@pytest_asyncio.fixture(autouse=True)
async def empty(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Begin with an empty cache and without an outage."""
    monkeypatch.setattr(cache, "outage", cache.Outage())
    async with running():
        await get_redis().flushdb()
        yield


async def change(source: Source, sessions: Sessions, number: int) -> None:
    async with sessions.begin() as session:
        source.number = number
        forget(session, KEY)


async def test_changed_value_is_loaded_again(source: Source, sessions: Sessions) -> None:
    first = [await source.get(sessions) for _ in range(3)]
    await change(source, sessions, 2)

    assert first == [1, 1, 1]
    assert await source.get(sessions) == 2
    assert source.loads == 2
    assert 0 < await get_redis().ttl(KEY) <= SECONDS


async def questions() -> int:
    """Return how many values the server was asked for since its statistics were reset."""
    commands = await get_redis().info("commandstats")
    return int(commands.get("cmdstat_set", {"calls": 0})["calls"])


async def test_simultaneous_misses_load_once(
    source: Source, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "cache_timeout_seconds", SECONDS)
    monkeypatch.setattr(cache, "LEASE_SECONDS", SECONDS)
    await get_redis().config_resetstat()
    source.can_end.clear()

    getting = [asyncio.create_task(source.get(sessions)) for _ in range(100)]
    async with asyncio.timeout(SECONDS):
        while await questions() < len(getting):
            pass
    source.can_end.set()

    assert await asyncio.gather(*getting) == [1] * 100
    assert source.loads == 1


async def test_value_from_before_a_change_is_not_kept(source: Source, sessions: Sessions) -> None:
    source.can_end.clear()
    loading = asyncio.create_task(source.get(sessions))
    await source.has_begun.wait()
    await change(source, sessions, 2)
    source.can_end.set()

    assert await loading == 1
    assert await source.get(sessions) == 2


async def test_value_that_is_rolled_back_stays(source: Source, sessions: Sessions) -> None:
    await source.get(sessions)
    async with sessions() as session:
        forget(session, KEY)
        await session.rollback()

    await source.get(sessions)
    assert source.loads == 1


async def test_value_of_another_schema_is_not_read(source: Source, sessions: Sessions) -> None:
    class Text(Schema):
        text: str

    async def load() -> Text:
        return Text(text="new")

    await source.get(sessions)
    for _ in range(2):
        async with sessions() as session:
            assert await cached(session, KEY, Text, SECONDS, load) == Text(text="new")


async def test_failure_is_not_kept(sessions: Sessions, source: Source) -> None:
    async def fail() -> Number:
        raise NotFoundError("missing")

    async with sessions() as session:
        with pytest.raises(NotFoundError):
            await cached(session, KEY, Number, SECONDS, fail)

    assert await get_redis().get(KEY) is None
    assert await source.get(sessions) == 1


async def test_session_that_has_written_loads(source: Source, session: AsyncSession) -> None:
    await session.execute(sa.select(sa.literal(1)))
    await cached(session, KEY, Number, SECONDS, source.load)
    assert not session.in_transaction()
    session.info["has_written"] = True
    source.number = 2

    assert (await cached(session, KEY, Number, SECONDS, source.load)).number == 2


async def test_values_are_loaded_without_the_server(
    source: Source,
    sessions: Sessions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await get_redis().aclose()
    get_redis.cache_clear()
    with serve(tmp_path) as variables:
        monkeypatch.setattr(get_settings(), "redis_url", variables["REDIS_URL"])
        await source.get(sessions)
        await get_redis().shutdown(nosave=True)

        with caplog.at_level(logging.WARNING, "app.infrastructure.cache"):
            assert [await source.get(sessions) for _ in range(5)] == [1] * 5

    assert [record.message.split(",")[0] for record in caplog.records] == [
        "the cache is out of reach"
    ]
