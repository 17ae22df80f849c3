"""Which users a caller can see: administrators see all of them, other users see themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from app.common.errors import ForbiddenError
from app.infrastructure.auth import ERROR_FORBIDDEN, CurrentUser


def visible_user(parameter: str) -> Callable[[Request, CurrentUser], Awaitable[None]]:
    """Return a dependency that requires that the caller can see the user in the path."""

    async def check(request: Request, user: CurrentUser) -> None:
        user_id = request.path_params[parameter].lower()
        if user.role != "admin" and user_id != str(user.id):
            raise ForbiddenError(ERROR_FORBIDDEN)

    return check
