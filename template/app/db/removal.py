"""Hard deletion: removes a row and the references of soft-deleted rows to it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase


async def remove(session: AsyncSession, item: DeclarativeBase) -> None:
    """Remove a row, unless a cascade has already removed it."""
    state = sa.inspect(item)
    if state.persistent:
        await purge_marked(session, item.metadata, item.__tablename__, state.identity or ())
        await session.delete(item)
        await session.flush()


async def purge_marked(
    session: AsyncSession,
    metadata: sa.MetaData,
    table: str,
    ids: Collection[uuid.UUID] | sa.Select[Any],
) -> None:
    """Clear the references of soft-deleted rows to some rows of a table.

    A soft-deleted row whose reference cannot be null is removed, with the rows that refer to it.
    """
    for column in _marked_references(metadata, table):
        rows = column.table
        marked = sa.and_(column.in_(ids), rows.c.is_deleted)
        if column.nullable:
            await session.execute(sa.update(rows).where(marked).values({column: None}))
        else:
            await purge_marked(session, metadata, rows.name, sa.select(rows.c.id).where(marked))
            await session.execute(sa.delete(rows).where(marked))


def _marked_references(metadata: sa.MetaData, table: str) -> list[sa.Column[Any]]:
    """List the columns that refer to a table, in the tables with soft-deleted rows."""
    marking = [other for other in metadata.tables.values() if "is_deleted" in other.c]
    keys = [key for other in marking for key in other.foreign_keys]
    return [key.parent for key in keys if key.column.table.name == table]
