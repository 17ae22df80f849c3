"""Rows of a model in the cache, as responses have them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.common.schemas import Model
from app.db.base import Base, owner_column
from app.infrastructure.cache import cached, forget
from app.infrastructure.changes import Change, on_change
from app.infrastructure.redis import owned_key

Value = TypeVar("Value", bound=Model)


class RowCache(Generic[Value]):
    """Keeps rows for some seconds at most, and forgets those that a session changes."""

    def __init__(self, model: type[Base], schema: type[Value], seconds: int) -> None:
        self._model = model
        self._schema = schema
        self._seconds = seconds
        self._owner = owner_column(model.__table__)
        on_change(model, self._forget)

    async def get(
        self,
        session: AsyncSession,
        owner_id: uuid.UUID | None,
        row_id: uuid.UUID,
        load: Callable[[], Awaitable[Any]],
    ) -> Value:
        """Return a row of this owner, loading it where it is not kept."""

        async def validated() -> Value:
            return self._schema.model_validate(await load())

        key = self.key_of(owner_id, row_id)
        return await cached(session, key, self._schema, self._seconds, validated)

    def key_of(self, owner_id: uuid.UUID | None, row_id: uuid.UUID) -> str:
        """Return the key of a row, which begins with the owner."""
        return owned_key(self._owner, owner_id, f"cache:{self._model.__tablename__}:{row_id}")

    def _forget(self, session: Session, row: Any, _: Change) -> None:
        owner_id = getattr(row, self._owner) if self._owner else None
        forget(session, self.key_of(owner_id, row.id))
