"""Rows that are somebody's: who that is, and that nobody writes them for anybody else."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

ERROR_FOREIGN_ROW = "A row is written for somebody whose it is not"


def require_owner(actual: uuid.UUID, owner: uuid.UUID) -> None:
    """Refuse to write a row for anybody but its owner: no request asks for that, only a mistake."""
    if actual != owner:
        raise PermissionError(ERROR_FOREIGN_ROW)


async def find_owner(
    session: AsyncSession, owner: InstrumentedAttribute[uuid.UUID], **reference: uuid.UUID
) -> uuid.UUID | None:
    """Return who has a row that refers to one that is everybody's, or nothing when nobody has.

    What is shared stays or goes for all; this is the one query that looks at rows of everybody.
    """
    rows = sa.select(owner).filter_by(**reference)
    if hasattr(owner.class_, "is_deleted"):
        rows = rows.filter_by(is_deleted=False)
    return await session.scalar(rows.limit(1))
