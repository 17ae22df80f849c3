"""Ends of transactions and of sessions."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.infrastructure.transactions import end_read_transaction
from app.modules.users.models import User
from tests.modules.users.factory import user


async def test_transaction_that_has_read_is_ended(session: AsyncSession) -> None:
    await session.scalars(sa.select(User))

    await end_read_transaction(session)

    assert not session.in_transaction()


@pytest.mark.parametrize("is_flushed", [True, False])
async def test_written_rows_are_kept(session: AsyncSession, is_flushed: bool) -> None:
    session.add(user("Ann"))
    if is_flushed:
        await session.flush()

    await end_read_transaction(session)

    assert session.in_transaction()
    assert (await session.scalars(sa.select(User.name))).all() == ["Ann"]


async def test_statement_that_writes_keeps_the_transaction(session: AsyncSession) -> None:
    await session.execute(sa.update(User).values(name="Bob"))

    await end_read_transaction(session)

    assert session.in_transaction()
    await session.commit()
    await session.scalars(sa.select(User))
    await end_read_transaction(session)
    assert not session.in_transaction()


async def test_session_is_closed_after_its_commit(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    ann = user("Ann")

    async with sessions.begin() as session:
        session.add(ann)

    assert ann not in session
