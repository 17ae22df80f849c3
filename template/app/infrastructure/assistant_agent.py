"""The agent of a run, by `openai-agents`. Its import takes seconds, so it is imported for a run."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from agents import (
    Agent,
    AgentsException,
    FunctionTool,
    MaxTurnsExceeded,
    Model,
    ModelResponse,
    ModelSettings,
    OpenAIChatCompletionsModel,
    RunConfig,
    RunContextWrapper,
    RunHooks,
    Runner,
    TResponseInputItem,
    set_tracing_disabled,
)
from agents.run_config import ToolExecutionConfig
from agents.tool_context import ToolContext
from openai import AsyncOpenAI, OpenAIError

from app.infrastructure.assistant_calls import StoppedError, read_arguments
from app.infrastructure.settings import get_settings
from app.infrastructure.tools import Tool
from app.modules.messages.schemas import MessageRead

NO_KEY = "none"  # the client needs one, also if the server does not
MAX_RETRIES = 2
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # of a tool

logger = logging.getLogger(__name__)

set_tracing_disabled(True)  # the library would send traces to OpenAI


@dataclass(frozen=True)
class Call:
    """A call of a tool, as the model wrote it."""

    id: str
    tool: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """What the model returned: text, calls of tools, or both."""

    text: str
    calls: Sequence[Call]
    input_tokens: int
    output_tokens: int


class Recorder(Protocol):
    """What a run does with the steps of its agent. Each method can stop it."""

    async def asking(self, content: str) -> None:
        """The model will be asked, with this content."""

    def wrote(self, piece: str, *, is_text: bool) -> None:
        """The model wrote a piece of text, or of the arguments of a call."""

    async def replied(self, reply: Reply) -> None:
        """The model has written all of its reply."""

    async def call(self, call_id: str) -> str:
        """Call a tool, and return what the model reads as its result."""


class Hooks(RunHooks[Any]):
    """Reports the steps of the library to a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def on_llm_start(
        self,
        context: RunContextWrapper[Any],
        agent: Agent[Any],
        system_prompt: str | None,
        input_items: list[TResponseInputItem],
    ) -> None:
        await self._recorder.asking(f"{system_prompt}{json.dumps(input_items, default=str)}")

    async def on_llm_end(
        self, context: RunContextWrapper[Any], agent: Agent[Any], response: ModelResponse
    ) -> None:
        await self._recorder.replied(read_reply(response))


@lru_cache
def get_model() -> Model:
    """Return the model of this process. Its client connects on first use."""
    settings = get_settings()
    client = AsyncOpenAI(
        base_url=settings.assistant_base_url or None,
        api_key=settings.assistant_api_key.get_secret_value() or NO_KEY,
        timeout=settings.assistant_seconds,
        max_retries=MAX_RETRIES,
    )
    return OpenAIChatCompletionsModel(settings.assistant_model, client)


async def converse(
    history: Sequence[MessageRead], tools: Sequence[Tool], recorder: Recorder
) -> None:
    """Let the agent answer the last message of a history.

    Raises:
        StoppedError: there is no answer.
    """
    settings = get_settings()
    agent = Agent[Any](
        name="assistant",
        instructions=settings.assistant_instructions,
        model=get_model(),
        model_settings=ModelSettings(include_usage=True),
        tools=[function_of(tool, recorder) for tool in tools],
    )
    running = Runner.run_streamed(
        agent,
        [item_of(message) for message in history],
        max_turns=settings.assistant_max_turns,
        hooks=Hooks(recorder),
        run_config=RunConfig(
            tracing_disabled=True,
            # One after the other, so that a run never uses more than one connection.
            tool_execution=ToolExecutionConfig(max_function_tool_concurrency=1),
            tool_not_found_behavior="return_error_to_model",
        ),
    )
    try:
        async for event in running.stream_events():
            if event.type == "raw_response_event" and isinstance(
                piece := getattr(event.data, "delta", None), str
            ):
                recorder.wrote(piece, is_text=event.data.type == "response.output_text.delta")
    except MaxTurnsExceeded as error:
        raise StoppedError("turn_limit") from error
    except (AgentsException, OpenAIError) as error:
        logger.exception("the model failed")
        raise StoppedError("model_failed") from error
    finally:
        running.cancel()
        if running.run_loop_task is not None:
            await asyncio.wait([running.run_loop_task])


def function_of(tool: Tool, recorder: Recorder) -> FunctionTool:
    """Return a tool as the library calls it."""

    async def invoke(context: ToolContext[Any], _: str) -> str:
        return await recorder.call(context.tool_call_id)

    return FunctionTool(
        name=tool.name,
        description=tool.description,
        params_json_schema=tool.input_schema,
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )


def read_reply(response: ModelResponse) -> Reply:
    """Return what a model returned. Its reasoning is left out."""
    texts, calls = [], []
    for item in response.output:
        if item.type == "message":
            parts = item.content
            texts += [part.text if part.type == "output_text" else part.refusal for part in parts]
        elif item.type == "function_call":
            calls.append(Call(item.call_id, item.name, item.arguments))
    usage = response.usage
    return Reply("".join(texts), calls, usage.input_tokens, usage.output_tokens)


def item_of(message: MessageRead) -> TResponseInputItem:
    """Return a message as the library gives it to the model.

    A server could reject a call that the model has written wrongly, and so all that follows.
    """
    match message.kind:
        case "user":
            return {"role": "user", "content": message.text}
        case "assistant":
            return {"role": "assistant", "content": message.text or f"({message.error})"}
        case "tool_call":
            return {
                "type": "function_call",
                "call_id": str(message.id),
                "name": name if NAME.fullmatch(name := message.tool or "") else "unknown",
                "arguments": json.dumps(read_arguments(message.text) or {}),
            }
        case "tool_result":
            return {
                "type": "function_call_output",
                "call_id": str(message.call_id),
                "output": message.text,
            }
