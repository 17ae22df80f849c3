"""Sign-in and refresh token business logic."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import secrets
import uuid
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import utc_now
from app.infrastructure import rate_limits, tokens
from app.infrastructure.auth import UnauthorizedError
from app.infrastructure.settings import get_settings
from app.modules.auth.models import RefreshToken
from app.modules.auth.repository import RefreshTokenRepository
from app.modules.auth.schemas import LoginForm
from app.modules.users.models import User
from app.modules.users.service import UserService

ERROR_LOGIN = "No user has this email address and password"
ERROR_REFRESH = "The refresh token is not valid: sign in again"
TOKEN_BYTES = 32
# The limit for an email address is this many times the limit for an IP address, so that a single
# client cannot lock out a user.
EMAIL_LIMIT_TIMES = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tokens:
    """The tokens of a login or a refresh."""

    access: str
    refresh: str
    session_id: uuid.UUID


class AuthService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = RefreshTokenRepository(session)
        self._users = UserService(session)

    async def sign_in(self, form: LoginForm) -> Tokens:
        await rate_limits.count("login", form.username, EMAIL_LIMIT_TIMES)
        user = await self._users.authenticate(form.username, form.password)
        if user is None:
            raise UnauthorizedError(ERROR_LOGIN)
        return await self.start(user)

    async def start(self, user: User) -> Tokens:
        """Start a chain of refresh tokens for an authenticated user."""
        await self._repository.purge(user.id, utc_now())
        return await self._issue(user, uuid.uuid4())

    async def refresh(self, token: SecretStr) -> Tokens:
        """Exchange a refresh token for new tokens. Using it twice revokes its login."""
        is_known = await self._repository.lock_login(_hash(token))
        used = await self._repository.use(_hash(token), utc_now()) if is_known else None
        if used is None:
            await self._revoke_if_stolen(token)
            raise UnauthorizedError(ERROR_REFRESH)
        user = await self._users.find(used.user_id, used.token_version)
        if user is None:
            raise UnauthorizedError(ERROR_REFRESH)
        return await self._issue(user, used.session_id)

    async def sign_out(self, token: SecretStr) -> uuid.UUID | None:
        """Revoke the login of a refresh token, and return its id or None."""
        await self._repository.lock_login(_hash(token))
        stored = await self._repository.get_by_hash(_hash(token))
        if stored is None:
            return None
        await self._repository.revoke(stored.session_id)
        return stored.session_id

    async def _revoke_if_stolen(self, token: SecretStr) -> None:
        """Revoke the login of a token that was used before, because it must have been stolen."""
        stored = await self._repository.get_by_hash(_hash(token))
        if stored is None or stored.used_at is None:
            return
        logger.warning("a refresh token came twice", extra={"user_id": stored.user_id})
        await self._repository.revoke(stored.session_id)
        # allow(I3): the error that follows rolls the request back, but the revocation must be kept
        await self._session.commit()

    async def _issue(self, user: User, session_id: uuid.UUID) -> Tokens:
        refresh = secrets.token_urlsafe(TOKEN_BYTES)
        lifetime = dt.timedelta(seconds=get_settings().refresh_token_seconds)
        token = RefreshToken(
            user_id=user.id,
            session_id=session_id,
            token_hash=_hash(SecretStr(refresh)),
            token_version=user.token_version,
            expires_at=utc_now() + lifetime,
        )
        await self._repository.save(token)
        access = tokens.issue(tokens.Claims(user.id, session_id, user.token_version))
        return Tokens(access, refresh, session_id)


def _hash(token: SecretStr) -> str:
    """Return a fast hash, which is sufficient for a random token."""
    return hashlib.sha256(token.get_secret_value().encode()).hexdigest()
