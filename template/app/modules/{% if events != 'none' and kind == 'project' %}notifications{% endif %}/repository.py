"""Notification queries, limited to the rows of one user."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import utc_now
from app.db.keyset import Columns, Rows, count_rows, fetch_page, where_matches
from app.modules.notifications.models import Notification
from app.modules.notifications.schemas import NotificationQuery

FILTERS: Columns = {
    "kind": Notification.kind,
    "read_at": Notification.read_at,
}


class NotificationRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: uuid.UUID, notification_id: uuid.UUID) -> Notification | None:
        return await self._session.scalar(self._of(user_id).filter_by(id=notification_id))

    async def list_page(self, user_id: uuid.UUID, query: NotificationQuery) -> Rows[Notification]:
        statement = where_matches(self._of(user_id), FILTERS, query)
        return await fetch_page(self._session, statement, query.sort, query)

    async def count_unread(self, user_id: uuid.UUID) -> int:
        unread = self._of(user_id).where(Notification.read_at.is_(None))
        return await count_rows(self._session, unread)

    async def save(self, notification: Notification) -> None:
        self._session.add(notification)
        await self._session.flush()

    async def mark_all_read(self, user_id: uuid.UUID) -> None:
        unread = sa.and_(Notification.user_id == user_id, Notification.read_at.is_(None))
        await self._session.execute(sa.update(Notification).where(unread).values(read_at=utc_now()))

    async def delete(self, notification: Notification) -> None:
        await self._session.delete(notification)
        await self._session.flush()

    def _of(self, user_id: uuid.UUID) -> sa.Select[Notification]:
        return sa.select(Notification).where(Notification.user_id == user_id)
