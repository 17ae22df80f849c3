"""Rows without a route: for the tests of modules that do not have all of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base
from app.db.session import get_sessions
from tests.api import JSON


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[AsyncSession]:
    """Give a session as a request gets it: in the test's transaction, and committed there."""
    async with get_sessions().begin() as session:
        yield session


async def stored(url: str) -> list[JSON]:
    """Return the rows that are not deleted, oldest first, as the table has them."""
    table = Base.metadata.tables[url.rsplit("/", 1)[1].replace("-", "_")]
    rows = sa.select(table).order_by(table.c.id)
    if "is_deleted" in table.c:
        rows = rows.where(sa.not_(table.c.is_deleted))
    async with transaction() as session:
        found = await session.execute(rows)
        return [{**row, "id": str(row["id"])} for row in found.mappings()]
