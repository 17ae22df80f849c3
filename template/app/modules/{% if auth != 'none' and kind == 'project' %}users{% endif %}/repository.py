"""User queries. Deleted rows are excluded."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.keyset import Columns, Rows, fetch_page, where_matches
from app.modules.users.models import User
from app.modules.users.schemas import UserQuery

FILTERS: Columns = {"email": User.email, "role": User.role, "is_active": User.is_active}


class UserRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: uuid.UUID) -> User | None:
        return await self._session.scalar(self._live().filter_by(id=user_id))

    async def get_by_email(self, email: str) -> User | None:
        return await self._session.scalar(self._live().filter_by(email=email))

    async def lock_administrators(self) -> Sequence[uuid.UUID]:
        """Lock the active administrators until the commit, and return their identifiers.

        They are locked in a fixed order, so that two transactions cannot deadlock.
        """
        rows = self._live().with_only_columns(User.id).filter_by(role="admin", is_active=True)
        rows = rows.order_by(User.id).with_for_update(key_share=True)
        return (await self._session.scalars(rows)).all()

    async def set_password(
        self, user_id: uuid.UUID, password_hash: str, verified: str | None
    ) -> User | None:
        """Store a hash and revoke all tokens. Return None if the verified hash has changed.

        The database compares and counts, because the row may have changed since it was read.
        """
        statement = sa.update(User).where(User.id == user_id)
        if verified is not None:
            statement = statement.where(User.password_hash == verified)
        statement = statement.values(
            password_hash=password_hash, token_version=User.token_version + 1
        )
        return await self._session.scalar(
            statement.returning(User),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )

    async def renew_hash(self, user_id: uuid.UUID, renewed: str, verified: str) -> None:
        """Store a new hash of the same password, unless the verified hash has changed."""
        statement = sa.update(User).where(User.id == user_id, User.password_hash == verified)
        await self._session.execute(statement.values(password_hash=renewed))

    async def list_page(self, query: UserQuery) -> Rows[User]:
        statement = where_matches(self._live(), FILTERS, query)
        return await fetch_page(self._session, statement, query.sort, query)

    async def save(self, user: User) -> None:
        self._session.add(user)
        await self._session.flush()

    def _live(self) -> sa.Select[User]:
        return sa.select(User).where(sa.not_(User.is_deleted))
