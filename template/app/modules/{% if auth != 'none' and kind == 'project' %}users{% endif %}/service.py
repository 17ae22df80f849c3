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
ERROR_YOURSELF = "Another administrator has to do this to you"


class UserService:
    """What can be done with users."""

    def __init__(self, session: AsyncSession) -> None:
        self._repository = UserRepository(session)

    async def create(self, data: UserCreate, role: Role = "user") -> UserRead:
        """Store a new user."""
        return UserRead.model_validate(await self.add(data, role))

    async def add(self, data: UserCreate, role: Role = "user") -> User:
        """Store a new user, with the hash of the password in its place."""
        values = data.model_dump(exclude={"password"})
        user = User(**values, role=role, password_hash=await hash_password(data.password))
        await self._repository.save(user)
        return user

    async def update(self, user: User, data: UserUpdate) -> UserRead:
        """Change the fields that were sent."""
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(user, name, value)
        await self._repository.save(user)
        return UserRead.model_validate(user)

    async def change_password(self, user: User, data: PasswordChange) -> None:
        """Store a new password for who knows the old one."""
        is_right, _ = await verify_password(data.current_password, user.password_hash)
        if not is_right:
            raise problem(422, "wrong_password", ERROR_MISMATCH, "current_password")
        await self.set_password(user, data.new_password)

    async def set_password(self, user: User, password: SecretStr) -> None:
        """Store a new password, and make every token of the user worthless."""
        user.password_hash = await hash_password(password)
        user.token_version += 1
        await self._repository.save(user)

    async def list_page(self, query: UserQuery) -> Page[UserRead]:
        """Return one page of users."""
        rows = await self._repository.list_page(query)
        return Page[UserRead].model_validate(rows)

    async def decide(self, item_id: uuid.UUID, data: UserAccess, administrator: User) -> UserRead:
        """Change what a user may do. Nobody can lock themselves, and so everybody, out."""
        user = await self._repository.get(item_id)
        if user is None:
            raise problem(404, "not_found", ERROR_NOT_FOUND)
        if user.id == administrator.id:
            raise problem(409, "yourself", ERROR_YOURSELF)
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(user, name, value)
        user.token_version += 1
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
        is_right, renewed = await verify_password(password, user.password_hash if user else None)
        if user is None or not is_right or not user.is_active:
            return None
        if renewed is not None:
            user.password_hash = renewed
            await self._repository.save(user)
        return user
