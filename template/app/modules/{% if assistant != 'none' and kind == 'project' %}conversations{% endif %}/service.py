"""Conversation business logic. A conversation has one run at a time, which is its lease."""

from __future__ import annotations

import datetime as dt
import math
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ApiError, ConflictError, NotFoundError
from app.common.schemas import Page
from app.db.base import utc_now
from app.infrastructure.settings import get_settings
from app.modules.conversations.models import Conversation
from app.modules.conversations.repository import ConversationRepository
from app.modules.conversations.schemas import (
    ConversationCreate,
    ConversationQuery,
    ConversationRead,
    ConversationUpdate,
)

ERROR_NOT_FOUND = "There is no conversation with this id"
ERROR_RUNNING = "The assistant is answering in this conversation; try again after that"
ERROR_TOO_MANY = "The assistant is answering in too many of your conversations"


class RunningError(ConflictError):
    code = "running"

    def __init__(self, until: dt.datetime) -> None:
        super().__init__(ERROR_RUNNING)
        seconds = max(1, math.ceil((until - utc_now()).total_seconds()))
        self.headers = {"Retry-After": str(seconds)}


class TooManyRunsError(ApiError):
    status = 429
    code = "too_many_runs"


class ConversationService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = ConversationRepository(session)

    async def create(self, user_id: uuid.UUID, data: ConversationCreate) -> ConversationRead:
        conversation = Conversation(user_id=user_id, **data.model_dump())
        await self._repository.save(conversation)
        return ConversationRead.model_validate(conversation)

    async def get(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> ConversationRead:
        return ConversationRead.model_validate(await self._get(user_id, conversation_id))

    async def list_page(
        self, user_id: uuid.UUID, query: ConversationQuery
    ) -> Page[ConversationRead]:
        rows = await self._repository.list_page(user_id, query)
        return Page[ConversationRead].model_validate(rows)

    async def update(
        self, user_id: uuid.UUID, conversation_id: uuid.UUID, data: ConversationUpdate
    ) -> ConversationRead:
        conversation = await self._get(user_id, conversation_id)
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(conversation, name, value)
        await self._repository.save(conversation)
        return ConversationRead.model_validate(conversation)

    async def delete(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> None:
        """Delete a conversation with its messages. A run in it ends at its next step."""
        await self._repository.delete(await self._get(user_id, conversation_id))

    async def start_run(
        self, user_id: uuid.UUID, conversation_id: uuid.UUID, run_id: uuid.UUID
    ) -> uuid.UUID | None:
        """Start a run, or raise 409 for one that has not ended.

        Returns:
            The last run if it never ended, because its process was killed.
        """
        settings, now = get_settings(), utc_now()
        await self._repository.lock_user(user_id)
        conversation = await self._repository.lock(user_id, conversation_id)
        if conversation is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        if conversation.run_until is not None and conversation.run_until > now:
            raise RunningError(conversation.run_until)
        if await self._repository.count_running(user_id, now) >= settings.assistant_runs_per_user:
            raise TooManyRunsError(ERROR_TOO_MANY)
        interrupted, conversation.run_id = conversation.run_id, run_id
        conversation.run_until = now + dt.timedelta(seconds=settings.assistant_lease_seconds)
        await self._repository.save(conversation)
        return interrupted

    async def has_run(
        self, user_id: uuid.UUID, conversation_id: uuid.UUID, run_id: uuid.UUID
    ) -> bool:
        """Return whether a run still has the conversation, and lock it if so."""
        conversation = await self._repository.lock(user_id, conversation_id)
        return conversation is not None and conversation.run_id == run_id

    async def end_run(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> None:
        conversation = await self._get(user_id, conversation_id)
        conversation.run_id = conversation.run_until = None
        await self._repository.save(conversation)

    async def _get(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> Conversation:
        conversation = await self._repository.get(user_id, conversation_id)
        if conversation is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        return conversation
