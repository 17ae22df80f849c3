"""The deletion of all rows of an owner."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import RowMixin


async def delete_owned(
    session: AsyncSession,
    model: type[RowMixin],
    delete: Callable[[uuid.UUID, uuid.UUID], Awaitable[None]],
    user_id: uuid.UUID,
) -> None:
    """Delete the rows of a user one by one, newest first: most references lead to older rows."""
    rows = sa.select(model.id).filter_by(user_id=user_id).order_by(model.id.desc())
    if hasattr(model, "is_deleted"):
        rows = rows.filter_by(is_deleted=False)
    while row_id := await session.scalar(rows.limit(1)):
        await delete(user_id, row_id)
