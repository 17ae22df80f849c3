"""Row ownership."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

ERROR_FOREIGN_ROW = "The row belongs to another owner"


def require_owner(actual: uuid.UUID, owner: uuid.UUID) -> None:
    """Raise an error if a row belongs to another owner, which only a bug can cause."""
    if actual != owner:
        raise PermissionError(ERROR_FOREIGN_ROW)


async def find_owner(
    session: AsyncSession, owner: InstrumentedAttribute[uuid.UUID], **reference: uuid.UUID
) -> uuid.UUID | None:
    """Return an owner whose rows refer to a row without an owner, or None.

    Deleting a shared row affects the rows of all owners. No other query reads rows of all owners.
    """
    rows = sa.select(owner).filter_by(**reference)
    if hasattr(owner.class_, "is_deleted"):
        rows = rows.filter_by(is_deleted=False)
    return await session.scalar(rows.limit(1))
