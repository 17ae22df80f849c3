"""Remove the objects of deleted files, and files whose upload was never finished.

Run it once a day: `python -m app.purge_files`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

import app.api.v1.router  # noqa: F401  # importing the routes imports every model
from app.db.base import Base, utc_now
from app.db.session import get_engine, get_sessions
from app.infrastructure import storage
from app.infrastructure.attachments import holders
from app.modules.files.models import File

# An upload that is not confirmed within this time has failed.
MAX_PENDING = dt.timedelta(days=1)
BATCH = 100
OWNERS = ("users", "projects")  # a service may have neither


def main() -> None:
    """Purge, and print how many files were removed."""
    count = asyncio.run(purge_and_disconnect())
    sys.stdout.write(f"files: {count}\n")


async def purge_and_disconnect() -> int:
    count = await purge(get_sessions(), utc_now() - MAX_PENDING)
    await get_engine().dispose()
    return count


async def purge(sessions: async_sessionmaker[AsyncSession], before: dt.datetime) -> int:
    """Remove files in batches, except those that a row holds; return how many.

    No connection is held while objects are removed.
    """
    free = [~rows.exists() for rows in holders(File.id)]
    statement = sa.update(File).where(sa.not_(File.is_deleted), is_abandoned(before), *free)
    async with sessions.begin() as session:
        await session.execute(statement.values(is_deleted=True))
    count = 0
    while files := await find_deleted(sessions, before):
        for file in files:
            await storage.remove(file.object_name, file.upload_name)
        async with sessions.begin() as session:
            statement = sa.update(File).where(File.id.in_([file.id for file in files]))
            await session.execute(statement.values(state="removed"))
        count += len(files)
    return count


def is_abandoned(before: dt.datetime) -> sa.ColumnElement[bool]:
    """Return whether an upload was begun before a time, or the owner is deleted."""
    is_old = sa.and_(File.state == "pending", File.created_at < before)
    tables = [table for name, table in Base.metadata.tables.items() if name in OWNERS]
    owners = [table for table in tables if "is_deleted" in table.c]
    gone = [sa.select(table.c.id).where(table.c.is_deleted) for table in owners]
    return sa.or_(is_old, *[File.owner_id.in_(ids) for ids in gone])


async def find_deleted(
    sessions: async_sessionmaker[AsyncSession], before: dt.datetime
) -> list[File]:
    """Return some deleted files whose objects may still exist, and whose uploads have ended."""
    has_ended = sa.or_(File.state == "stored", File.created_at < before)
    rows = sa.select(File).where(File.is_deleted, File.state != "removed", has_ended)
    async with sessions() as session:
        return list(await session.scalars(rows.limit(BATCH)))


if __name__ == "__main__":
    main()
