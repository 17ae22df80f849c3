"""What follows from a commit happens after it, once, and without a connection."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.infrastructure.after_commit import after_commit


class Follower:
    """Collects the batches that it gets."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def handle(self, items: list[str]) -> None:
        self.batches.append(items)


async def test_items_of_a_transaction_come_at_once(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    first, second = Follower(), Follower()

    async with sessions.begin() as session:
        for name in ("a", "b"):
            after_commit(session, first.handle, name)
            after_commit(session, second.handle, name)
        assert first.batches == []

    assert first.batches == second.batches == [["a", "b"]]


async def test_nothing_follows_from_a_rollback(session: AsyncSession) -> None:
    follower = Follower()
    after_commit(session, follower.handle, "lost")
    await session.execute(text("SELECT 1"))
    await session.rollback()

    after_commit(session, follower.handle, "kept")
    await session.commit()
    await session.commit()

    assert follower.batches == [["kept"]]


async def test_savepoint_takes_its_items_with_it(session: AsyncSession) -> None:
    follower = Follower()
    after_commit(session, follower.handle, "before")
    outer = await session.begin_nested()
    inner = await session.begin_nested()
    after_commit(session, follower.handle, "inside")
    await inner.commit()
    await outer.rollback()
    async with session.begin_nested():
        after_commit(session, follower.handle, "released")
    assert follower.batches == []

    await session.commit()

    assert follower.batches == [["before", "released"]]


async def test_failure_is_logged_and_does_not_stop_others(
    session: AsyncSession, caplog: pytest.LogCaptureFixture
) -> None:
    follower = Follower()

    async def fail(_: list[str]) -> None:
        raise ConnectionError("the server is down")

    after_commit(session, fail, "a")
    after_commit(session, follower.handle, "b")
    with caplog.at_level(logging.ERROR):
        await session.commit()

    assert follower.batches == [["b"]]
    assert "the server is down" in caplog.text


def in_use(engine: AsyncEngine) -> str:
    """Return the number of connections in use: the last word of the status, or none for SQLite."""
    return engine.pool.status().split()[-1]


async def test_no_connection_is_held(engine: AsyncEngine) -> None:
    held = []

    async def look(_: list[str]) -> None:
        held.append(in_use(engine))

    before = in_use(engine)
    async with AsyncSession(engine) as session:
        await session.execute(text("SELECT 1"))
        after_commit(session, look, "a")
        await session.commit()

    assert held == [before]
