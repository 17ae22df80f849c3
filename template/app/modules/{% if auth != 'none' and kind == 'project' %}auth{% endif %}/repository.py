"""Refresh token queries. Revoked tokens are excluded."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.auth.models import RefreshToken


class RefreshTokenRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock_login(self, token_hash: str) -> bool:
        """Lock the login of a token until the commit, and return whether it exists.

        Otherwise revoking a login could miss a token that a concurrent refresh adds.
        """
        # allow(R2): deleted tokens count, so that all callers lock the same row
        login = sa.select(RefreshToken.session_id).filter_by(token_hash=token_hash)
        chain = sa.select(RefreshToken.id).filter_by(session_id=login.scalar_subquery())
        first = chain.order_by(RefreshToken.id).limit(1).with_for_update()
        return await self._session.scalar(first) is not None

    async def get_by_hash(self, token_hash: str) -> RefreshToken | None:
        """Return a token, whether or not it was used."""
        statement = sa.select(RefreshToken).where(sa.not_(RefreshToken.is_deleted))
        return await self._session.scalar(statement.filter_by(token_hash=token_hash))

    async def use(self, token_hash: str, now: dt.datetime) -> RefreshToken | None:
        """Mark a token as used and return it, or None. Only one caller gets it."""
        statement = (
            sa.update(RefreshToken)
            .where(
                RefreshToken.token_hash == token_hash,
                RefreshToken.used_at.is_(None),
                RefreshToken.expires_at > now,
                sa.not_(RefreshToken.is_deleted),
            )
            .values(used_at=now)
            .returning(RefreshToken)
        )
        return await self._session.scalar(statement)

    async def save(self, token: RefreshToken) -> None:
        self._session.add(token)
        await self._session.flush()

    async def revoke(self, session_id: uuid.UUID) -> None:
        """Soft-delete all tokens of a login."""
        chain = sa.update(RefreshToken).where(RefreshToken.session_id == session_id)
        await self._session.execute(chain.values(is_deleted=True))

    async def purge(self, user_id: uuid.UUID, now: dt.datetime) -> None:
        """Remove the expired tokens of a user."""
        expired = sa.delete(RefreshToken).where(
            RefreshToken.user_id == user_id, RefreshToken.expires_at <= now
        )
        await self._session.execute(expired)
