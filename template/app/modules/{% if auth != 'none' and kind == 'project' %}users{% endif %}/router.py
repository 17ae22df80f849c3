"""User routes."""

from __future__ import annotations

import uuid

from fastapi import Depends, Request, status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.auth import Administrator, CurrentUser
from app.infrastructure.rate_limits import count, count_request, limited
from app.modules.users.schemas import (
    PasswordChange,
    UserAccess,
    UserCreate,
    UserQuery,
    UserRead,
    UserUpdate,
)
from app.modules.users.service import UserService

router = Router(prefix="/users", tags=["users"])


@router.post(
    "",
    response_model=UserRead,
    status_code=status.HTTP_201_CREATED,
    summary="Register",
    responses=responses(409, 422, 429),
    dependencies=[Depends(limited("register"))],
)
async def register(data: UserCreate, session: DbSession) -> UserRead:
    service = UserService(session)
    return await service.create(data)


@router.get(
    "",
    response_model=Page[UserRead],
    status_code=status.HTTP_200_OK,
    summary="List users, as an administrator",
    responses=responses(401, 403, 422),
)
async def list_page(
    query: QueryParams[UserQuery],
    administrator: Administrator,
    session: DbSession,
) -> Page[UserRead]:
    service = UserService(session)
    return await service.list_page(query)


@router.get(
    "/me",
    response_model=UserRead,
    status_code=status.HTTP_200_OK,
    summary="Get your own user",
    responses=responses(401),
)
async def get_me(user: CurrentUser) -> UserRead:
    return UserRead.model_validate(user)


@router.patch(
    "/me",
    response_model=UserRead,
    status_code=status.HTTP_200_OK,
    summary="Update your own user",
    responses=responses(401, 403, 409, 422, 429),
)
async def update_me(
    data: UserUpdate,
    user: CurrentUser,
    request: Request,
    session: DbSession,
) -> UserRead:
    service = UserService(session)
    if service.reveals(user, data):
        await count_request("register", request)
    return await service.update(user, data)


@router.post(
    "/me/password",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Change your password",
    responses=responses(401, 403, 422, 429),
    dependencies=[Depends(limited("login"))],
)
async def change_password(data: PasswordChange, user: CurrentUser, session: DbSession) -> None:
    await count("login", str(user.id))
    service = UserService(session)
    await service.change_password(user, data)


@router.patch(
    "/{user_id}",
    response_model=UserRead,
    status_code=status.HTTP_200_OK,
    summary="Deactivate a user or give them a role, as an administrator",
    responses=responses(401, 403, 404, 409, 422),
)
async def update_access(
    user_id: uuid.UUID,
    data: UserAccess,
    administrator: Administrator,
    session: DbSession,
) -> UserRead:
    service = UserService(session)
    return await service.update_access(user_id, data, administrator)
