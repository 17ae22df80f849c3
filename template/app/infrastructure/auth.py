"""Who is asking: `CurrentUser` for a route that needs a user, `require_role` for some of them.

A route about rows that users own takes `CurrentUserId`.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer

from app.common.errors import problem
from app.db.session import DbSession
from app.infrastructure import tokens
from app.infrastructure.cookies import ACCESS_COOKIE, read_cookie, require_csrf
from app.modules.users.models import User
from app.modules.users.schemas import Role
from app.modules.users.service import UserService

ERROR_UNAUTHORIZED = "A valid access token is needed"
ERROR_FORBIDDEN = "Your role does not allow this"

bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


def unauthorized(message: str = ERROR_UNAUTHORIZED) -> HTTPException:
    """Return the exception to raise when nobody knows who is asking."""
    refusal = problem(401, "unauthorized", message)
    refusal.headers = {"WWW-Authenticate": "Bearer"}
    return refusal


async def get_current_user(
    request: Request,
    header: Annotated[str | None, Depends(bearer)],
    session: DbSession,
) -> User:
    """Return the user that the token names, if it is still good and they still may sign in."""
    claims = tokens.read(header or read_cookie(request, ACCESS_COOKIE) or "")
    if claims is None:
        raise unauthorized()
    if not header:
        require_csrf(request, claims.session_id)
    user = await UserService(session).find(claims.user_id, claims.version)
    if user is None:
        raise unauthorized()
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


async def get_current_user_id(user: CurrentUser) -> uuid.UUID:
    """Return what the rows of the user carry."""
    return user.id


CurrentUserId = Annotated[uuid.UUID, Depends(get_current_user_id)]


def require_role(role: Role) -> Callable[[User], Awaitable[User]]:
    """Return the dependency of a route for one role: `Annotated[User, Depends(…)]`."""

    async def check(user: CurrentUser) -> User:
        if user.role != role:
            raise problem(403, "forbidden", ERROR_FORBIDDEN)
        return user

    return check


Administrator = Annotated[User, Depends(require_role("admin"))]
