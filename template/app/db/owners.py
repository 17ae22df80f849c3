"""Row ownership."""

from __future__ import annotations

import uuid
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base

Row = TypeVar("Row", bound=Base)

ERROR_FOREIGN_ROW = "The row belongs to another owner"


def require_owner(actual: uuid.UUID, owner: uuid.UUID) -> None:
    """Raise an error if a row belongs to another owner, which only a bug can cause."""
    if actual != owner:
        raise RuntimeError(ERROR_FOREIGN_ROW)


async def find_any(session: AsyncSession, model: type[Row], **reference: uuid.UUID) -> Row | None:
    """Return a row of any owner that refers to a row without an owner, or None.

    Deleting a shared row affects the rows of all owners. No other query reads rows of all owners.
    """
    rows = sa.select(model).filter_by(**reference)
    if hasattr(model, "is_deleted"):
        rows = rows.filter_by(is_deleted=False)
    return await session.scalar(rows.limit(1))
