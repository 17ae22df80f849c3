"""The assistant answers a message of a user: it calls the tools of the service, as the user may.

A run is a task. Each of its steps is a transaction of its own, so no database connection is held
while the model or a tool is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from anyio.to_thread import run_sync
from fastapi import Depends, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.types import Receive, Scope, Send

from app.common.errors import ConflictError, UnavailableError
from app.common.schemas import Model
from app.db.session import get_sessions
from app.infrastructure.assistant_calls import ModelCalls, StoppedError, read_arguments
from app.infrastructure.auth import bearer, get_current_user
from app.infrastructure.mcp import call_route
from app.infrastructure.mcp_callers import allowed
from app.infrastructure.settings import get_settings
from app.infrastructure.tools import Tool
from app.modules.messages.schemas import Delta, MessageCreate, MessageRead, RunError, Usage
from app.modules.messages.service import (
    BYTES_PER_TOKEN,
    BudgetError,
    MessageService,
    Run,
    RunLostError,
    count_tokens,
    storable,
)

if TYPE_CHECKING:
    from app.infrastructure.assistant_agent import Call, Reply

Result = TypeVar("Result")

AGENT = "app.infrastructure.assistant_agent"
ERROR_NOT_CONFIGURED = "ASSISTANT_API_KEY is not set, so the assistant cannot answer"
ERROR_LOST = "The conversation was deleted, or another request continues it"
UNKNOWN_TOOL: Any = {"code": "unknown_tool", "detail": "There is no tool with this name"}
INVALID_ARGUMENTS: Any = {"code": "invalid_arguments", "detail": "They must be a JSON object"}
CUT = "… The result is longer: ask for less, such as a smaller page"
PING_SECONDS = 15
SSE = "text/event-stream"
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {SSE: {"schema": {"type": "string"}}}}}
# Caches must not store a stream, and proxies must not buffer it.
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Say at the start if there is no model."""
    if not is_configured():
        logger.warning(ERROR_NOT_CONFIGURED)
    yield


def is_configured() -> bool:
    """Return whether there is a key, or a server that may need none."""
    settings = get_settings()
    return bool(settings.assistant_base_url or settings.assistant_api_key.get_secret_value())


async def get_caller_id(
    request: Request, token: Annotated[str | None, Depends(bearer)]
) -> uuid.UUID:
    """Return the user as `CurrentUserId` does, without a session that is open during the run."""
    async with get_sessions()() as session:
        request.state.caller = await get_current_user(request, token, session)
    user_id: uuid.UUID = request.state.caller.id
    return user_id


CallerId = Annotated[uuid.UUID, Depends(get_caller_id)]


async def answer(
    request: Request, user_id: uuid.UUID, conversation_id: uuid.UUID, data: MessageCreate
) -> MessageRead | AnswerStream:
    """Start a run, and return its answer or, if the client asks for that, what happens in it."""
    if not is_configured():
        raise UnavailableError(ERROR_NOT_CONFIGURED, code="assistant_not_configured")
    tools = {tool.name: tool for tool in await allowed(request)}
    run = Run(user_id, conversation_id, run_id=uuid.uuid4())
    history = await in_transaction(lambda service: service.start(run, data.text))
    answering = Answering(request, run, tools)
    answering.begin(history)
    return AnswerStream(answering) if wants_stream(request) else await answering.last()


def wants_stream(request: Request) -> bool:
    return SSE in request.headers.get("accept", "")


async def in_transaction(work: Callable[[MessageService], Awaitable[Result]]) -> Result:
    """Do a step of a run in a transaction of its own.

    It ends also if the run is cancelled meanwhile: a statement that is interrupted would cost its
    connection.
    """

    async def do() -> Result:
        async with get_sessions().begin() as session:
            return await work(MessageService(session))

    step = asyncio.create_task(do())
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.wait([step])
        raise


class Answering:
    """A run that is going on. The agent reports its steps to it."""

    def __init__(self, request: Request, run: Run, tools: Mapping[str, Tool]) -> None:
        self._request = request
        self._run = run
        self._tools = tools
        self._calls = ModelCalls()
        self._open: dict[str, tuple[Call, uuid.UUID]] = {}  # by the id that the model gave
        self._text = ""
        self._answer: MessageRead | None = None
        self._events: asyncio.Queue[tuple[str, Model] | None] = asyncio.Queue()
        self._task: asyncio.Task[None]

    def begin(self, history: Sequence[MessageRead]) -> None:
        """Start the task of the run, which answers the last message."""
        self._emit("message", history[-1])
        self._task = asyncio.create_task(self._work(history))

    async def last(self) -> MessageRead:
        """Wait for the end of the run, and return its answer."""
        await self._task
        if self._answer is None:
            raise ConflictError(ERROR_LOST, code="run_lost")
        return self._answer

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield what happens as server-sent events."""
        while True:
            try:
                event = await asyncio.wait_for(self._events.get(), PING_SECONDS)
            except TimeoutError:
                yield KEEPALIVE_COMMENT
                continue
            if event is None:
                break
            name, data = event
            yield format_sse_event(event=name, data_str=data.model_dump_json(by_alias=True))
        await self._task  # raises what it raised

    async def stop(self) -> None:
        """End the run, as the client is gone."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def asking(self, content: str) -> None:
        self._text = ""
        try:
            await in_transaction(lambda service: service.require_budget(self._run))
        except BudgetError as error:
            raise StoppedError("budget_exceeded") from error
        self._calls.begin(count_tokens(content))

    def wrote(self, piece: str, *, is_text: bool) -> None:
        if is_text:
            self._text += piece
            self._emit("delta", Delta(text=storable(piece)))
        self._calls.count(count_tokens(piece))

    async def replied(self, reply: Reply) -> None:
        await self._store(self._calls.end(reply.input_tokens, reply.output_tokens))
        self._text = reply.text
        if reply.calls:
            for message in await in_transaction(lambda service: self._add_calls(service, reply)):
                self._emit("message", message)

    async def _add_calls(self, service: MessageService, reply: Reply) -> list[MessageRead]:
        added = [await service.add_text(self._run, reply.text)] if reply.text else []
        for call in reply.calls:
            added.append(await service.add_call(self._run, call.tool, call.arguments))
            self._open[call.id] = call, added[-1].id
            if call.tool not in self._tools:
                added.append(await self._add_result(service, call.id, UNKNOWN_TOOL))
        return added

    async def call(self, call_id: str) -> str:
        call, _ = self._open[call_id]
        arguments, content = read_arguments(call.arguments), INVALID_ARGUMENTS
        if arguments is not None:
            content, _ = await call_route(self._request, self._tools[call.tool], arguments)
        result = await in_transaction(lambda service: self._add_result(service, call_id, content))
        self._emit("message", result)
        return result.text

    async def _add_result(
        self, service: MessageService, call_id: str, content: object
    ) -> MessageRead:
        call, message_id = self._open[call_id]
        text = json.dumps(content, ensure_ascii=False)
        longest = get_settings().assistant_result_tokens * BYTES_PER_TOKEN
        text = text if len(text) <= longest else text[:longest] + CUT
        return await service.add_result(self._run, call.tool, message_id, text)

    async def _work(self, history: Sequence[MessageRead]) -> None:
        """Converse, and end the run whatever happens."""
        error: RunError | None = "interrupted"
        try:
            error = await self._converse(history)
        finally:
            try:
                await self._end(error)
            finally:
                self._events.put_nowait(None)

    async def _end(self, error: RunError | None) -> None:
        await self._store(self._calls.abort())
        with contextlib.suppress(RunLostError):
            answer = await in_transaction(lambda service: service.end(self._run, self._text, error))
            self._answer = answer
            self._emit("answer", answer)

    async def _converse(self, history: Sequence[MessageRead]) -> RunError | None:
        """Return why there is no answer, or None."""
        limit = asyncio.timeout(get_settings().assistant_seconds)
        try:
            async with limit:
                await run_sync(import_module, AGENT)
                from app.infrastructure.assistant_agent import converse

                await converse(history, list(self._tools.values()), self)
        except TimeoutError:
            if not limit.expired():
                raise
            return "timeout"
        except StoppedError as stopped:
            return stopped.reason
        except RunLostError:
            return "interrupted"
        return None

    async def _store(self, usage: Usage | None) -> None:
        if usage is not None:
            await in_transaction(lambda service: service.add_usage(self._run, usage))

    def _emit(self, name: Literal["delta", "message", "answer"], data: Model) -> None:
        self._events.put_nowait((name, data))


class AnswerStream(StreamingResponse):
    """What happens in a run, as server-sent events. A client that disconnects ends the run."""

    media_type = SSE

    def __init__(self, answering: Answering) -> None:
        super().__init__(answering.stream(), headers=HEADERS)
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answering.stop()
