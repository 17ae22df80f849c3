"""The queries of `users`."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.keyset import Columns, Rows, fetch_page, where_equal
from app.modules.users.models import User
from app.modules.users.schemas import UserQuery

# The query parameters that keep the rows with one value of a column.
FILTERS: Columns = {"email": User.email, "role": User.role, "is_active": User.is_active}
# The columns that a list can be sorted by; its sort parameter names them.
SORTS: Columns = {"id": User.id, "email": User.email, "name": User.name}


class UserRepository:
    """Reads and writes `users`. Rows that were deleted are not found."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, item_id: uuid.UUID) -> User | None:
        """Return one user, or nothing."""
        return await self._session.scalar(self._rows().filter_by(id=item_id))

    async def get_by_email(self, email: str) -> User | None:
        """Return the user with this address, or nothing."""
        return await self._session.scalar(self._rows().filter_by(email=email))

    async def list_page(self, query: UserQuery) -> Rows[User]:
        """Return one page of the users that the query asks for."""
        statement = where_equal(self._rows(), FILTERS, query)
        return await fetch_page(self._session, statement, SORTS, query.sort, query)

    async def save(self, item: User) -> None:
        """Write a user at once."""
        self._session.add(item)
        await self._session.flush()

    def _rows(self) -> sa.Select[User]:
        return sa.select(User).where(sa.not_(User.is_deleted))
