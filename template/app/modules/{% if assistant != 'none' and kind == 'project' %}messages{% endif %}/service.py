"""Message business logic: the steps of a run, each in a transaction of its own.

A run ends with a message of the assistant, also if it fails or is interrupted, and then each of its
calls has a result. So the next run can always continue.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ApiError
from app.common.schemas import Page
from app.db.base import utc_now
from app.infrastructure.settings import get_settings
from app.modules.conversations.service import ConversationService
from app.modules.messages.models import Message, ModelCall
from app.modules.messages.repository import MessageRepository
from app.modules.messages.schemas import Kind, MessageQuery, MessageRead, RunError, Usage

ERROR_BUDGET = "Your budget for the assistant is used up; it is renewed at midnight UTC"
# What the model reads instead of the result of a call that was interrupted.
INTERRUPTED = json.dumps({"code": "interrupted", "detail": "It is not known if the call succeeded"})
MAX_TOOL = 100  # characters of a name
MAX_HISTORY = 500  # messages that are read for a run
BYTES_PER_TOKEN = 3  # fewer than those of any usual text: estimates are too high


class BudgetError(ApiError):
    status = 429
    code = "budget_exceeded"

    def __init__(self, now: dt.datetime) -> None:
        super().__init__(ERROR_BUDGET)
        seconds = dt.timedelta(days=1) - (now - _midnight(now))
        self.headers = {"Retry-After": str(seconds.seconds + 1)}


class RunLostError(Exception):
    """Another run has taken over the conversation, or it was deleted."""


@dataclass(frozen=True)
class Run:
    """A run, which answers one message of a user."""

    user_id: uuid.UUID
    conversation_id: uuid.UUID
    run_id: uuid.UUID


class MessageService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = MessageRepository(session)
        self._conversations = ConversationService(session)

    async def list_page(
        self, user_id: uuid.UUID, conversation_id: uuid.UUID, query: MessageQuery
    ) -> Page[MessageRead]:
        await self._conversations.get(user_id, conversation_id)
        rows = await self._repository.list_page(user_id, conversation_id, query)
        return Page[MessageRead].model_validate(rows)

    async def start(self, run: Run, text: str) -> list[MessageRead]:
        """Start a run with the message of the user, and end the last one if that was killed.

        Returns:
            What the model is given: the message, after the earlier runs that fit.
        """
        await self._require_budget(run.user_id)
        last = await self._conversations.start_run(run.user_id, run.conversation_id, run.run_id)
        if last is not None:
            await self._close(Run(run.user_id, run.conversation_id, last), "", "interrupted")
        await self._add(run, "user", text)
        latest = await self._repository.list_latest(run.user_id, run.conversation_id, MAX_HISTORY)
        messages = [MessageRead.model_validate(message) for message in latest]
        return _fitting(messages, get_settings().assistant_history_tokens)

    async def require_budget(self, run: Run) -> None:
        """Raise 429 for a run whose user has spent the budget of the day."""
        await self._require(run)
        await self._require_budget(run.user_id)

    async def add_text(self, run: Run, text: str) -> MessageRead:
        """Add a text that the model wrote before it called tools."""
        await self._require(run)
        return await self._add(run, "assistant", text)

    async def add_call(self, run: Run, tool: str, arguments: str) -> MessageRead:
        """Add a call, also of a tool that does not exist."""
        await self._require(run)
        return await self._add(run, "tool_call", arguments, tool=storable(tool)[:MAX_TOOL])

    async def add_result(self, run: Run, tool: str, call_id: uuid.UUID, text: str) -> MessageRead:
        await self._require(run)
        tool = storable(tool)[:MAX_TOOL]
        return await self._add(run, "tool_result", text, tool=tool, call_id=call_id)

    async def add_usage(self, run: Run, usage: Usage) -> None:
        """Store what a call of the model used, which no end of a run can undo."""
        call = ModelCall(user_id=run.user_id, run_id=run.run_id, **usage.model_dump())
        await self._repository.save(call)

    async def end(self, run: Run, text: str, error: RunError | None) -> MessageRead:
        """End a run with an answer, or with the reason why there is none."""
        await self._require(run)
        answer = await self._close(run, text, error)
        await self._conversations.end_run(run.user_id, run.conversation_id)
        return answer

    async def _require(self, run: Run) -> None:
        """Lock the conversation of a run.

        Raises:
            RunLostError: the conversation belongs to another run, or does not exist any longer.
        """
        if not await self._conversations.has_run(run.user_id, run.conversation_id, run.run_id):
            raise RunLostError

    async def _require_budget(self, user_id: uuid.UUID) -> None:
        now = utc_now()
        spent = await self._repository.sum_costs(user_id, _midnight(now))
        if spent >= get_settings().assistant_daily_budget * 1_000_000:
            raise BudgetError(now)

    async def _close(self, run: Run, text: str, error: RunError | None) -> MessageRead:
        for call in await self._repository.list_open_calls(run.user_id, run.conversation_id):
            await self._add(run, "tool_result", INTERRUPTED, tool=call.tool, call_id=call.id)
        return await self._add(run, "assistant", text, error=error)

    async def _add(self, run: Run, kind: Kind, text: str, **more: Any) -> MessageRead:
        message = Message(
            user_id=run.user_id,
            conversation_id=run.conversation_id,
            run_id=run.run_id,
            kind=kind,
            text=storable(text),
            **more,
        )
        await self._repository.save(message)
        return MessageRead.model_validate(message)


def count_tokens(text: str) -> int:
    """Return an estimate of the tokens of a text, which is rather too high."""
    return len(text.encode(errors="replace")) // BYTES_PER_TOKEN + 1


def storable(text: str) -> str:
    """Replace what PostgreSQL cannot store: half of a surrogate pair, and NUL."""
    return text.encode(errors="replace").decode().replace("\0", "�")


def _fitting(latest: Sequence[MessageRead], max_tokens: int) -> list[MessageRead]:
    """Return the last whole runs within the budget, oldest first; the last one in any case.

    Args:
        latest: the messages, the last one first. Their first run may be incomplete.
    """
    runs: dict[uuid.UUID, list[MessageRead]] = {}
    for message in latest:
        runs.setdefault(message.run_id, []).insert(0, message)
    if len(latest) == MAX_HISTORY and len(runs) > 1:
        runs.popitem()
    fitting: list[MessageRead] = []
    for messages in runs.values():
        max_tokens -= sum(count_tokens(message.text) for message in messages)
        if fitting and max_tokens < 0:
            break
        fitting = messages + fitting
    return fitting


def _midnight(now: dt.datetime) -> dt.datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
