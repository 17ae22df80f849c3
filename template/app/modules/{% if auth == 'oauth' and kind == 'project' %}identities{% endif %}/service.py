"""Sign-in through a provider."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ForbiddenError
from app.infrastructure.auth import UnauthorizedError
from app.infrastructure.passwords import impossible_hash
from app.modules.auth.service import AuthService, Tokens
from app.modules.identities.models import Identity
from app.modules.identities.repository import IdentityRepository
from app.modules.identities.schemas import ProviderClaims
from app.modules.users.models import User
from app.modules.users.service import UserService

ERROR_UNVERIFIED = "The provider has not verified your email address"
ERROR_INACTIVE = "You can no longer sign in"
NAME_LENGTH = 120


class IdentityService:
    def __init__(self, session: AsyncSession) -> None:
        self._repository = IdentityRepository(session)
        self._users = UserService(session)
        self._auth = AuthService(session)

    async def sign_in(self, claims: ProviderClaims) -> Tokens:
        """Return tokens of the user with this identity. Link or create the user at first."""
        user = await self._repository.get_user(claims.iss, claims.sub)
        user = user or await self._link(claims)
        if not user.is_active:
            raise UnauthorizedError(ERROR_INACTIVE)
        return await self._auth.start(user)

    async def _link(self, claims: ProviderClaims) -> User:
        """Link the identity to the user with the verified address."""
        if claims.email is None or not claims.email_verified:
            raise ForbiddenError(ERROR_UNVERIFIED, code="unverified_email")
        user = await self._users.find_by_email(claims.email)
        if user is None:
            user = await self._create(claims, claims.email)
        else:
            await self._revoke_access(user)
        identity = Identity(user_id=user.id, issuer=claims.iss, subject=claims.sub)
        await self._repository.save(identity)
        return user

    async def _create(self, claims: ProviderClaims, email: str) -> User:
        name = (claims.name or email)[:NAME_LENGTH]
        return await self._users.add(User(email=email, name=name, password_hash=impossible_hash()))

    async def _revoke_access(self, user: User) -> None:
        """Revoke the password and identities of a user whose address was never verified.

        Otherwise an attacker who registered the address first would share the account.
        """
        await self._users.set_password(user.id, impossible_hash(), verified=None)
        await self._repository.delete_by_user(user.id)
