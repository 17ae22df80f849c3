"""The user of a request: `CurrentUser` for a route that needs one, `require_role` for a role.

A route for rows that users own takes `CurrentUserId`.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from app.common.errors import ApiError, ForbiddenError
from app.db.session import DbSession
from app.infrastructure import tokens
from app.infrastructure.cookies import ACCESS_COOKIE, read_cookie, require_csrf
from app.modules.users.models import User
from app.modules.users.schemas import Role
from app.modules.users.service import UserService

ERROR_UNAUTHORIZED = "A valid access token is required"
ERROR_FORBIDDEN = "Your role does not allow this"

bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


class UnauthorizedError(ApiError):
    status = 401
    code = "unauthorized"

    def __init__(self, message: str = ERROR_UNAUTHORIZED) -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": "Bearer"}


async def get_current_user(
    request: Request,
    header: Annotated[str | None, Depends(bearer)],
    session: DbSession,
) -> User:
    """Return the active user of a valid token, or raise 401."""
    claims = tokens.read(header or read_cookie(request, ACCESS_COOKIE) or "")
    if claims is None:
        raise UnauthorizedError()
    if not header:
        require_csrf(request, claims.session_id)
    user = await UserService(session).find(claims.user_id, claims.version)
    if user is None:
        raise UnauthorizedError()
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


async def get_current_user_id(user: CurrentUser) -> uuid.UUID:
    return user.id


CurrentUserId = Annotated[uuid.UUID, Depends(get_current_user_id)]


def require_role(role: Role) -> Callable[[User], Awaitable[User]]:
    """Return a dependency that requires a role: `Annotated[User, Depends(…)]`."""

    async def check(user: CurrentUser) -> User:
        if user.role != role:
            raise ForbiddenError(ERROR_FORBIDDEN)
        return user

    return check


Administrator = Annotated[User, Depends(require_role("admin"))]
