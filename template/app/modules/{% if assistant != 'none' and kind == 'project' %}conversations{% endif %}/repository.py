"""Conversation queries, limited to the rows of one user."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.keyset import Rows, fetch_page
from app.modules.conversations.models import Conversation
from app.modules.conversations.schemas import ConversationQuery
from app.modules.users.models import User


class ConversationRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> Conversation | None:
        return await self._session.scalar(self._of(user_id).filter_by(id=conversation_id))

    async def lock(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> Conversation | None:
        """Return the conversation as it is now, and lock it until the transaction ends."""
        row = self._of(user_id).filter_by(id=conversation_id).with_for_update()
        return await self._session.scalar(row.execution_options(populate_existing=True))

    async def list_page(self, user_id: uuid.UUID, query: ConversationQuery) -> Rows[Conversation]:
        return await fetch_page(self._session, self._of(user_id), query.sort, query)

    async def lock_user(self, user_id: uuid.UUID) -> None:
        """Wait for other transactions that start a run of this user."""
        user = sa.select(User.id).filter_by(id=user_id).with_for_update(key_share=True)
        await self._session.execute(user)

    async def count_running(self, user_id: uuid.UUID, now: dt.datetime) -> int:
        running = self._of(user_id).where(Conversation.run_until > now).subquery()
        return await self._session.scalar(sa.select(sa.func.count()).select_from(running)) or 0

    async def save(self, conversation: Conversation) -> None:
        self._session.add(conversation)
        await self._session.flush()

    async def delete(self, conversation: Conversation) -> None:
        await self._session.delete(conversation)
        await self._session.flush()

    def _of(self, user_id: uuid.UUID) -> sa.Select[Conversation]:
        return sa.select(Conversation).where(Conversation.user_id == user_id)
