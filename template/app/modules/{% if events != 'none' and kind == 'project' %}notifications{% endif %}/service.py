"""Notification business logic: they are stored for a user, and pushed to the user's streams."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import NotFoundError
from app.common.schemas import Page
from app.db.base import utc_now
from app.infrastructure.channels import publish, user_channel
from app.modules.notifications.models import Notification
from app.modules.notifications.repository import NotificationRepository
from app.modules.notifications.schemas import (
    NotificationCreate,
    NotificationQuery,
    NotificationRead,
    Unread,
)

ERROR_NOT_FOUND = "There is no notification with this id"


class NotificationService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = NotificationRepository(session)

    async def create(self, user_id: uuid.UUID, data: NotificationCreate) -> NotificationRead:
        """Notify a user: store the notification, and push it after the commit."""
        notification = Notification(user_id=user_id, **data.model_dump())
        await self._repository.save(notification)
        created = NotificationRead.model_validate(notification)
        self._publish(user_id, "created", created.model_dump(mode="json", by_alias=True))
        return created

    async def get(self, user_id: uuid.UUID, notification_id: uuid.UUID) -> NotificationRead:
        return NotificationRead.model_validate(await self._get(user_id, notification_id))

    async def list_page(
        self, user_id: uuid.UUID, query: NotificationQuery
    ) -> Page[NotificationRead]:
        rows = await self._repository.list_page(user_id, query)
        return Page[NotificationRead].model_validate(rows)

    async def count_unread(self, user_id: uuid.UUID) -> Unread:
        return Unread(unread=await self._repository.count_unread(user_id))

    async def mark_read(self, user_id: uuid.UUID, notification_id: uuid.UUID) -> NotificationRead:
        """Do nothing if it is read already."""
        notification = await self._get(user_id, notification_id)
        if notification.read_at is None:
            notification.read_at = utc_now()
            await self._repository.save(notification)
            self._publish(user_id, "read", {"id": notification_id})
        return NotificationRead.model_validate(notification)

    async def mark_all_read(self, user_id: uuid.UUID) -> Unread:
        await self._repository.mark_all_read(user_id)
        self._publish(user_id, "all_read", {})
        return await self.count_unread(user_id)

    async def delete(self, user_id: uuid.UUID, notification_id: uuid.UUID) -> None:
        await self._repository.delete(await self._get(user_id, notification_id))
        self._publish(user_id, "deleted", {"id": notification_id})

    def _publish(self, user_id: uuid.UUID, change: str, data: dict[str, Any]) -> None:
        publish(self._session, user_channel(user_id), f"notifications.{change}", data)

    async def _get(self, user_id: uuid.UUID, notification_id: uuid.UUID) -> Notification:
        notification = await self._repository.get(user_id, notification_id)
        if notification is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        return notification
