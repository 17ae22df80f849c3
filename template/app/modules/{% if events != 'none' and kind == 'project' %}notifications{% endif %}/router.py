"""Notification routes. Users see, read and delete their own."""

from __future__ import annotations

import uuid

from fastapi import status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.auth import CurrentUserId
from app.modules.notifications.schemas import NotificationQuery, NotificationRead, Unread
from app.modules.notifications.service import NotificationService

router = Router(prefix="/notifications", tags=["notifications"])


@router.get(
    "",
    response_model=Page[NotificationRead],
    status_code=status.HTTP_200_OK,
    summary="List your notifications",
    responses=responses(401, 422),
)
async def list_page(
    user_id: CurrentUserId, query: QueryParams[NotificationQuery], session: DbSession
) -> Page[NotificationRead]:
    return await NotificationService(session).list_page(user_id, query)


@router.get(
    "/unread",
    response_model=Unread,
    status_code=status.HTTP_200_OK,
    summary="Count your unread notifications",
    responses=responses(401),
)
async def count_unread(user_id: CurrentUserId, session: DbSession) -> Unread:
    return await NotificationService(session).count_unread(user_id)


@router.post(
    "/read",
    response_model=Unread,
    status_code=status.HTTP_200_OK,
    summary="Mark all of your notifications as read",
    responses=responses(401, 403),
)
async def mark_all_read(user_id: CurrentUserId, session: DbSession) -> Unread:
    return await NotificationService(session).mark_all_read(user_id)


@router.get(
    "/{notification_id}",
    response_model=NotificationRead,
    status_code=status.HTTP_200_OK,
    summary="Get notification",
    responses=responses(401, 404, 422),
)
async def get(
    user_id: CurrentUserId, notification_id: uuid.UUID, session: DbSession
) -> NotificationRead:
    return await NotificationService(session).get(user_id, notification_id)


@router.post(
    "/{notification_id}/read",
    response_model=NotificationRead,
    status_code=status.HTTP_200_OK,
    summary="Mark notification as read",
    responses=responses(401, 403, 404, 422),
)
async def mark_read(
    user_id: CurrentUserId, notification_id: uuid.UUID, session: DbSession
) -> NotificationRead:
    return await NotificationService(session).mark_read(user_id, notification_id)


@router.delete(
    "/{notification_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete notification",
    responses=responses(401, 403, 404, 422),
)
async def delete(user_id: CurrentUserId, notification_id: uuid.UUID, session: DbSession) -> None:
    await NotificationService(session).delete(user_id, notification_id)
