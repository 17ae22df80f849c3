"""Message queries, limited to the rows of one user."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.db.keyset import Columns, Rows, fetch_page, where_matches
from app.modules.messages.models import Message, ModelCall
from app.modules.messages.schemas import MessageQuery

FILTERS: Columns = {"kind": Message.kind}


class MessageRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_page(
        self, user_id: uuid.UUID, conversation_id: uuid.UUID, query: MessageQuery
    ) -> Rows[Message]:
        statement = where_matches(self._of(user_id, conversation_id), FILTERS, query)
        return await fetch_page(self._session, statement, query.sort, query)

    async def list_latest(
        self, user_id: uuid.UUID, conversation_id: uuid.UUID, limit: int
    ) -> Sequence[Message]:
        """Return the last messages, the last one first."""
        latest = self._of(user_id, conversation_id).order_by(Message.id.desc()).limit(limit)
        return (await self._session.scalars(latest)).all()

    async def list_open_calls(
        self, user_id: uuid.UUID, conversation_id: uuid.UUID
    ) -> Sequence[Message]:
        """Return the calls of tools without a result."""
        result = aliased(Message)
        has_result = sa.exists().where(result.user_id == user_id, result.call_id == Message.id)
        calls = self._of(user_id, conversation_id).where(Message.kind == "tool_call", ~has_result)
        return (await self._session.scalars(calls.order_by(Message.id))).all()

    async def save(self, row: Message | ModelCall) -> None:
        self._session.add(row)
        await self._session.flush()

    async def sum_costs(self, user_id: uuid.UUID, since: dt.datetime) -> int:
        costs = sa.select(sa.func.sum(ModelCall.cost)).where(
            ModelCall.user_id == user_id, ModelCall.started_at >= since
        )
        return int(await self._session.scalar(costs) or 0)

    def _of(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> sa.Select[Message]:
        return sa.select(Message).where(
            Message.user_id == user_id, Message.conversation_id == conversation_id
        )
