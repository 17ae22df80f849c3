"""The rules of users."""

from __future__ import annotations

import uuid

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import problem
from app.common.schemas import Page
from app.infrastructure.passwords import hash_password, verify_password
from app.modules.users.models import User
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import (
    PasswordChange,
    Role,
    UserAccess,
    UserCreate,
    UserQuery,
    UserRead,
    UserUpdate,
)

ERROR_NOT_FOUND = "There is no user with this id"
ERROR_MISMATCH = "This is not your password"
ERROR_NO_LONGER = "You are no administrator any more"
ERROR_YOURSELF = "Another administrator has to do this to you"


class UserService:
    """What can be done with users."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = UserRepository(session)

    async def create(self, data: UserCreate, role: Role = "user") -> UserRead:
        """Store a new user, with the hash of the password in its place."""
        values = data.model_dump(exclude={"password"})
        user = User(**values, role=role, password_hash=await hash_password(data.password))
        return UserRead.model_validate(await self.add(user))

    async def add(self, user: User) -> User:
        """Store a new user."""
        await self._repository.save(user)
        return user

    async def update(self, user: User, data: UserUpdate) -> UserRead:
        """Change the fields that were sent."""
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(user, name, value)
        await self._repository.save(user)
        return UserRead.model_validate(user)

    async def change_password(self, user: User, data: PasswordChange) -> None:
        """Store a new password for who knows the old one, which may have changed meanwhile."""
        await self._let_others_work()
        verified = user.password_hash
        is_right, _ = await verify_password(data.current_password, verified)
        changed = is_right and await self.set_password(
            user.id, await hash_password(data.new_password), verified
        )
        if not changed:
            raise problem(422, "wrong_password", ERROR_MISMATCH, "current_password")

    async def set_password(
        self, item_id: uuid.UUID, password_hash: str, verified: str | None
    ) -> User | None:
        """Replace a password, the verified one or any, and make every token worthless."""
        return await self._repository.set_password(item_id, password_hash, verified)

    async def list_page(self, query: UserQuery) -> Page[UserRead]:
        """Return one page of users."""
        rows = await self._repository.list_page(query)
        return Page[UserRead].model_validate(rows)

    async def decide(self, item_id: uuid.UUID, data: UserAccess, administrator: User) -> UserRead:
        """Change what a user may do. Nobody can lock themselves, and so everybody, out."""
        if administrator.id not in await self._repository.lock_administrators():
            raise problem(403, "forbidden", ERROR_NO_LONGER)
        user = await self._repository.get(item_id)
        if user is None:
            raise problem(404, "not_found", ERROR_NOT_FOUND)
        if user.id == administrator.id:
            raise problem(409, "yourself", ERROR_YOURSELF)
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(user, name, value)
        user.token_version = User.token_version + 1
        await self._repository.save(user)
        return UserRead.model_validate(user)

    async def find(self, item_id: uuid.UUID, version: int) -> User | None:
        """Return the user of a token, unless they or the token are not good any more."""
        user = await self._repository.get(item_id)
        is_good = user is not None and user.is_active and user.token_version == version
        return user if is_good else None

    async def find_by_email(self, email: str) -> User | None:
        """Return the user with this address, or nothing."""
        return await self._repository.get_by_email(email)

    async def authenticate(self, email: str, password: SecretStr) -> User | None:
        """Return the user with this address and password; a hash of an old cost is renewed."""
        user = await self.find_by_email(email)
        await self._let_others_work()
        is_right, renewed = await verify_password(password, user.password_hash if user else None)
        if user is None or not is_right:
            return None
        if renewed is not None:
            await self._repository.renew_hash(user.id, renewed, user.password_hash)
        return await self.find(user.id, user.token_version)

    async def _let_others_work(self) -> None:
        """End the transaction, in which nothing was written, before bcrypt takes its time.

        Others wait for its connection, or on SQLite for the database. What was read stays readable.
        """
        self._session.expunge_all()
        await self._session.rollback()
