"""Rows that are gone, for the tests of what refers to them."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base


async def mark_deleted(session: AsyncSession, url: str, item_id: str) -> None:
    """Mark a row as deleted, or remove it, without asking the rows that refer to it."""
    table = Base.metadata.tables[url.rsplit("/", 1)[1].replace("-", "_")]
    row = table.c.id == uuid.UUID(item_id)
    if "is_deleted" in table.c:
        await session.execute(sa.update(table).where(row).values(is_deleted=True))
    else:
        await remove(session, table, row)
    await session.commit()


async def remove(session: AsyncSession, table: sa.Table, rows: sa.ColumnElement[bool]) -> None:
    """Remove rows, and those that cannot be without them; links go by themselves."""
    ids = sa.select(table.c.id).where(rows)
    others = [other for other in Base.metadata.tables.values() if "id" in other.c]
    for key in [key for other in others for key in other.foreign_keys]:
        column, refers = key.parent, key.parent.in_(ids)
        if key.column.table is not table:
            continue
        if column.nullable:
            await session.execute(sa.update(column.table).where(refers).values({column: None}))
        else:
            await remove(session, column.table, refers)
    await session.execute(sa.delete(table).where(rows))
