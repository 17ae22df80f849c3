"""Compute vectors that rows do not have: `python -m app.compute_vectors`.

Run it after an outage of the service that computes them, and after a migration that adds a vector or
changes its length. After a change of the model, `--all` computes the vectors of all rows again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

import app.api.v1.router  # noqa: F401  # importing the routes imports every model
from app.db.session import get_engine, get_sessions
from app.infrastructure.clients.base import close_all
from app.infrastructure.row_vectors import BATCH, RowVectors

Sessions = async_sessionmaker[AsyncSession]


def main() -> None:
    """Compute vectors, and print how many."""
    parser = argparse.ArgumentParser(prog="python -m app.compute_vectors", description=__doc__)
    parser.add_argument("--all", action="store_true", help="also those that rows have")
    asyncio.run(run(everything=parser.parse_args().all))


async def run(*, everything: bool) -> None:
    for table in RowVectors.known:
        count = await compute(get_sessions(), table, everything=everything)
        sys.stdout.write(f"{table}: {count}\n")
    await close_all()
    await get_engine().dispose()


async def compute(sessions: Sessions, table: str, *, everything: bool = False) -> int:
    """Compute the vectors of a table in batches; return of how many rows."""
    vectors, count = RowVectors.known[table], 0
    async for ids in _batches(sessions, vectors, everything=everything):
        async with sessions() as session:
            await vectors.write(session, ids)
        count += len(ids)
    return count


async def _batches(
    sessions: Sessions, vectors: RowVectors, *, everything: bool
) -> AsyncIterator[list[uuid.UUID]]:
    """Yield the ids of rows in their order."""
    row_id = vectors.model.id
    rows = sa.select(row_id).order_by(row_id).limit(BATCH)
    if not everything:
        rows = rows.where(vectors.column.is_(None))
    async with sessions() as session:
        ids: list[uuid.UUID] = list(await session.scalars(rows))
    while ids:
        yield ids
        async with sessions() as session:
            ids = list(await session.scalars(rows.where(row_id > ids[-1])))
