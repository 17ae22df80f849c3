"""The queries of `users`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

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

    async def lock_administrators(self) -> Sequence[uuid.UUID]:
        """Return who may decide about others, and hold them until the commit.

        It is always in the same order, because two who held one each would wait forever.
        """
        rows = self._rows().with_only_columns(User.id).filter_by(role="admin", is_active=True)
        rows = rows.order_by(User.id).with_for_update(key_share=True)
        return (await self._session.scalars(rows)).all()

    async def set_password(
        self, item_id: uuid.UUID, password_hash: str, verified: str | None
    ) -> User | None:
        """Store another hash and end every login; nothing if the verified hash is gone by now.

        The database counts and compares: what was read before may have changed meanwhile.
        """
        statement = sa.update(User).where(User.id == item_id)
        if verified is not None:
            statement = statement.where(User.password_hash == verified)
        statement = statement.values(
            password_hash=password_hash, token_version=User.token_version + 1
        )
        return await self._session.scalar(
            statement.returning(User),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )

    async def renew_hash(self, item_id: uuid.UUID, renewed: str, verified: str) -> None:
        """Store another hash of the same password, unless the verified hash is gone by now."""
        statement = sa.update(User).where(User.id == item_id, User.password_hash == verified)
        await self._session.execute(statement.values(password_hash=renewed))

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
