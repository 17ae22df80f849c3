"""User business logic."""

from __future__ import annotations

import re
import uuid

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ConflictError, ForbiddenError, NotFoundError, UnprocessableError
from app.common.schemas import Page
from app.db.base import Base
from app.infrastructure.passwords import hash_password, verify_password
from app.infrastructure.transactions import end_read_transaction
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
ERROR_NOT_ADMINISTRATOR = "You are no longer an administrator"
ERROR_OWN_ACCESS = "Administrators cannot change their own access"
INDEXES = Base.metadata.tables[User.__tablename__].indexes
KEYS = [str(part) for index in INDEXES if index.unique for part in index.expressions]
UNIQUE = {name for key in KEYS for name in re.findall(r"\w+", key)}


class UserService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = UserRepository(session)

    async def create(self, data: UserCreate, role: Role = "user") -> UserRead:
        values = data.model_dump(exclude={"password"})
        user = User(**values, role=role, password_hash=await hash_password(data.password))
        return UserRead.model_validate(await self.add(user))

    async def add(self, user: User) -> User:
        await self._repository.save(user)
        return user

    async def update(self, user: User, data: UserUpdate) -> UserRead:
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(user, name, value)
        await self._repository.save(user)
        return UserRead.model_validate(user)

    def reveals(self, user: User, data: UserUpdate) -> bool:
        """Return whether the response reveals if a value is taken, as registering does."""
        changes = data.model_dump(exclude_unset=True)
        return any(changes[name] != getattr(user, name) for name in UNIQUE & changes.keys())

    async def change_password(self, user: User, data: PasswordChange) -> None:
        """Replace the password, or raise 422 if the current one is wrong or has changed."""
        await end_read_transaction(self._session)
        verified = user.password_hash
        is_right, _ = await verify_password(data.current_password, verified)
        changed = is_right and await self.set_password(
            user.id, await hash_password(data.new_password), verified
        )
        if not changed:
            raise UnprocessableError(ERROR_MISMATCH, "current_password", code="wrong_password")

    async def set_password(
        self, user_id: uuid.UUID, password_hash: str, verified: str | None
    ) -> User | None:
        """Replace the password and revoke all tokens. Return None if `verified` is outdated."""
        return await self._repository.set_password(user_id, password_hash, verified)

    async def list_page(self, query: UserQuery) -> Page[UserRead]:
        rows = await self._repository.list_page(query)
        return Page[UserRead].model_validate(rows)

    async def update_access(
        self, user_id: uuid.UUID, data: UserAccess, administrator: User
    ) -> UserRead:
        """Change the role or status of a user. Administrators cannot lock themselves out."""
        if administrator.id not in await self._repository.lock_administrators():
            raise ForbiddenError(ERROR_NOT_ADMINISTRATOR)
        user = await self._repository.get(user_id)
        if user is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        if user.id == administrator.id:
            raise ConflictError(ERROR_OWN_ACCESS, code="yourself")
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(user, name, value)
        user.token_version = User.token_version + 1
        await self._repository.save(user)
        return UserRead.model_validate(user)

    async def find(self, user_id: uuid.UUID, version: int) -> User | None:
        """Return the user of a token if both are still valid."""
        user = await self._repository.get(user_id)
        is_good = user is not None and user.is_active and user.token_version == version
        return user if is_good else None

    async def find_by_email(self, email: str) -> User | None:
        return await self._repository.get_by_email(email)

    async def authenticate(self, email: str, password: SecretStr) -> User | None:
        """Return the user with this address and password. Renew a hash with an old cost."""
        user = await self.find_by_email(email)
        await end_read_transaction(self._session)
        is_right, renewed = await verify_password(password, user.password_hash if user else None)
        if user is None or not is_right:
            return None
        if renewed is not None:
            await self._repository.renew_hash(user.id, renewed, user.password_hash)
        return await self.find(user.id, user.token_version)
