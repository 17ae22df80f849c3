"""Identity queries. Deleted rows are excluded."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.identities.models import Identity
from app.modules.users.models import User


class IdentityRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_user(self, issuer: str, subject: str) -> User | None:
        statement = sa.select(User).join(Identity, Identity.user_id == User.id)
        return await self._session.scalar(
            statement.where(
                Identity.issuer == issuer,
                Identity.subject == subject,
                sa.not_(Identity.is_deleted),
                sa.not_(User.is_deleted),
            )
        )

    async def save(self, identity: Identity) -> None:
        self._session.add(identity)
        await self._session.flush()

    async def delete_by_user(self, user_id: uuid.UUID) -> None:
        identities = sa.update(Identity).where(Identity.user_id == user_id)
        await self._session.execute(identities.values(is_deleted=True))
