"""Remove rows that were deleted long ago: `python -m app.purge --older-than 90d`.

A deleted row is only marked. It is removed when no other row refers to it; its links to other rows
are removed with it.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import re
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

import app.api.v1.router  # noqa: F401  # importing the routes imports every model
from app.db.base import Base, utc_now
from app.db.session import get_engine, get_sessions

UNITS = {"d": "days", "h": "hours"}
# Rows of one transaction, so that none holds its locks for long.
BATCH = 1000
ERROR_AGE = "write days as 90d, or hours as 12h"


def main() -> None:
    """Purge as the arguments say, and print how many rows each table had."""
    parser = argparse.ArgumentParser(prog="python -m app.purge", description=__doc__)
    parser.add_argument(
        "--older-than",
        type=parse_age,
        required=True,
        metavar="AGE",
        help="time since the deletion, in days (90d) or hours (12h)",
    )
    before = utc_now() - parser.parse_args().older_than
    purged = asyncio.run(purge_and_disconnect(before))
    lines = [f"{table}: {count}\n" for table, count in purged.items()]
    sys.stdout.writelines(lines or ["Nothing to purge\n"])


def parse_age(text: str) -> dt.timedelta:
    if not re.fullmatch("[0-9]{1,5}[dh]", text):
        raise argparse.ArgumentTypeError(ERROR_AGE)
    return dt.timedelta(**{UNITS[text[-1]]: int(text[:-1])})


async def purge_and_disconnect(before: dt.datetime) -> Mapping[str, int]:
    purged = await purge(get_sessions(), Base.metadata, before)
    await get_engine().dispose()
    return purged


async def purge(
    sessions: async_sessionmaker[AsyncSession], metadata: sa.MetaData, before: dt.datetime
) -> Mapping[str, int]:
    """Remove the rows that were deleted before a time; return how many of each table.

    Rows are removed in batches, those that refer to others first, until no more can be removed.
    """
    tables = [table for table in reversed(metadata.sorted_tables) if "is_deleted" in table.c]
    for table in tables:
        await clear_cycles(sessions, table, before)
    purged: Counter[str] = Counter()
    total = -1
    while purged.total() > total:
        total = purged.total()
        for table in tables:
            purged[table.name] += await purge_batch(sessions, table, before)
    return +purged


async def clear_cycles(
    sessions: async_sessionmaker[AsyncSession], table: sa.Table, before: dt.datetime
) -> None:
    """Clear references in cycles, whose rows could not be removed otherwise."""
    keys = [key for key in table.foreign_keys if key.use_alter or key.column.table is table]
    for column in (key.parent for key in keys if key.parent.nullable):
        statement = sa.update(table).where(is_expired(table, before), column.is_not(None))
        values = {column: None, table.c.updated_at: table.c.updated_at}
        async with sessions.begin() as session:
            await session.execute(statement.values(values))


async def purge_batch(
    sessions: async_sessionmaker[AsyncSession], table: sa.Table, before: dt.datetime
) -> int:
    """Remove some rows to which no other row refers; return how many."""
    free = [~sa.exists().where(column == table.c.id) for column in referring_columns(table)]
    rows = sa.select(table.c.id).where(is_expired(table, before), *free).limit(BATCH)
    statement = sa.delete(table).where(table.c.id.in_(rows)).returning(table.c.id)
    async with sessions.begin() as session:
        return len((await session.scalars(statement)).all())


def is_expired(table: sa.Table, before: dt.datetime) -> sa.ColumnElement[bool]:
    """Return whether a row was deleted before a time, with what it has outside of the database."""
    last = [column == column.info["last"] for column in table.c if "last" in column.info]
    return sa.and_(table.c.is_deleted, table.c.updated_at < before, *last)


def referring_columns(table: sa.Table) -> Iterator[sa.ColumnElement[uuid.UUID]]:
    """Yield the columns that refer to a table, except those of links and rows removed with it."""
    for other in table.metadata.tables.values():
        for key in other.foreign_keys:
            goes_with_it = key.ondelete == "CASCADE" and "is_deleted" not in other.c
            if key.column.table is table and not goes_with_it:
                yield other.alias().c[key.parent.name]


if __name__ == "__main__":
    main()
