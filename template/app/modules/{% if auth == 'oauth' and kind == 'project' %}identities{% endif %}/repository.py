"""The queries of `identities`."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.identities.models import Identity
from app.modules.users.models import User


class IdentityRepository:
    """Reads and writes `identities`. Those that were taken away are not found."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_user(self, issuer: str, subject: str) -> User | None:
        """Return the user that a provider calls so, or nothing."""
        statement = sa.select(User).join(Identity, Identity.user_id == User.id)
        return await self._session.scalar(
            statement.where(
                Identity.issuer == issuer,
                Identity.subject == subject,
                sa.not_(Identity.is_deleted),
                sa.not_(User.is_deleted),
            )
        )

    async def save(self, item: Identity) -> None:
        """Write an identity at once."""
        self._session.add(item)
        await self._session.flush()

    async def take_away(self, user_id: uuid.UUID) -> None:
        """Mark every identity of a user as deleted."""
        theirs = sa.update(Identity).where(Identity.user_id == user_id)
        await self._session.execute(theirs.values(is_deleted=True))
