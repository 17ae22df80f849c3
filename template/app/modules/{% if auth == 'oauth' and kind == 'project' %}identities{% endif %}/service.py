"""The rules of signing in through a provider."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import problem
from app.infrastructure.auth import unauthorized
from app.infrastructure.passwords import impossible_hash
from app.modules.auth.service import AuthService, Tokens
from app.modules.identities.models import Identity
from app.modules.identities.repository import IdentityRepository
from app.modules.identities.schemas import ProviderClaims
from app.modules.users.models import User
from app.modules.users.service import UserService

ERROR_UNVERIFIED = "The provider has not verified your email address"
ERROR_INACTIVE = "You may not sign in any more"
NAME_LENGTH = 120


class IdentityService:
    """Signs in whom a provider vouches for."""

    def __init__(self, session: AsyncSession) -> None:
        self._repository = IdentityRepository(session)
        self._users = UserService(session)
        self._auth = AuthService(session)

    async def sign_in(self, claims: ProviderClaims) -> Tokens:
        """Return tokens of the user that the provider means; the first time, find or make them."""
        user = await self._repository.get_user(claims.iss, claims.sub)
        user = user or await self._link(claims)
        if not user.is_active:
            raise unauthorized(ERROR_INACTIVE)
        return await self._auth.start(user)

    async def _link(self, claims: ProviderClaims) -> User:
        """Give the user with the verified address this identity."""
        if claims.email is None or not claims.email_verified:
            raise problem(403, "unverified_email", ERROR_UNVERIFIED)
        user = await self._users.find_by_email(claims.email)
        user = await self._create(claims, claims.email) if user is None else await self._free(user)
        item = Identity(user_id=user.id, issuer=claims.iss, subject=claims.sub)
        await self._repository.save(item)
        return user

    async def _create(self, claims: ProviderClaims, email: str) -> User:
        name = (claims.name or email)[:NAME_LENGTH]
        return await self._users.add(User(email=email, name=name, password_hash=impossible_hash()))

    async def _free(self, user: User) -> User:
        """Put out whoever came before: nobody asked them to prove that the address is theirs.

        Somebody who registers the address of another one waits for them to sign in, and would then
        share what is theirs.
        """
        await self._users.set_password(user.id, impossible_hash(), verified=None)
        await self._repository.take_away(user.id)
        return user
