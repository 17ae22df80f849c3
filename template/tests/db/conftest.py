"""The tables of the tests of the database layer."""

from __future__ import annotations

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from tests.db.probe import ProbeBase


@pytest_asyncio.fixture
async def samples(connection: AsyncConnection, session: AsyncSession) -> AsyncSession:
    """A session with tables that are dropped after the test."""
    await connection.run_sync(ProbeBase.metadata.create_all, checkfirst=False)
    return session
