"""The calls of the model in a run of the assistant: each is traced, logged and counted."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from app.db.base import utc_now
from app.infrastructure.settings import get_settings
from app.modules.messages.schemas import RunError, Usage

logger = logging.getLogger(__name__)


class StoppedError(Exception):
    """A run ends without an answer."""

    def __init__(self, reason: RunError) -> None:
        super().__init__(reason)
        self.reason = reason


class ModelCalls:
    """The calls of one run. Tokens are estimated until the server says how many there were.

    The characters that the model writes are counted while it does, so a call cannot exceed the
    limit by much.
    """

    def __init__(self) -> None:
        self.tokens = 0
        self._span: Span | None = None
        self._started_at = utc_now()
        self._input_tokens = self._output_tokens = 0

    def begin(self, input_tokens: int) -> None:
        """Start the next call.

        Raises:
            StoppedError: the run has used its tokens.
        """
        if self.tokens >= get_settings().assistant_max_tokens:
            raise StoppedError("token_limit")
        model = get_settings().assistant_model
        self._span = trace.get_tracer(__name__).start_span(f"chat {model}", kind=SpanKind.CLIENT)
        self._span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": model})
        self._started_at = utc_now()
        self._input_tokens, self._output_tokens = input_tokens, 0

    def count(self, output_tokens: int) -> None:
        """Count what the model wrote.

        Raises:
            StoppedError: the run has used its tokens.
        """
        self._output_tokens += output_tokens
        used = self.tokens + self._input_tokens + self._output_tokens
        if used > get_settings().assistant_max_tokens:
            raise StoppedError("token_limit")

    def abort(self) -> Usage | None:
        """End a call that got no reply, and return what it used; None if there is no such call."""
        if self._span is None:
            return None
        self._span.set_status(StatusCode.ERROR)
        return self.end(0, 0)

    def end(self, input_tokens: int, output_tokens: int) -> Usage | None:
        """End the call that has begun and return what it used; None if there is none.

        Args:
            input_tokens: as the server says; 0 if it says nothing.
            output_tokens: likewise.
        """
        if self._span is None:
            return None
        usage = self._usage(
            input_tokens or self._input_tokens, output_tokens or self._output_tokens
        )
        self._span.set_attributes(
            {
                "gen_ai.usage.input_tokens": usage.input_tokens,
                "gen_ai.usage.output_tokens": usage.output_tokens,
            }
        )
        self._span.end()
        self._span = None
        self.tokens += usage.input_tokens + usage.output_tokens
        logger.info("model call", extra=usage.model_dump(exclude={"started_at"}))
        return usage

    def _usage(self, input_tokens: int, output_tokens: int) -> Usage:
        settings = get_settings()
        cost = (
            input_tokens * settings.assistant_input_price
            + output_tokens * settings.assistant_output_price
        )
        return Usage(
            model=settings.assistant_model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost=math.ceil(cost),
            started_at=self._started_at,
            duration_ms=(utc_now() - self._started_at) // dt.timedelta(milliseconds=1),
        )


def read_arguments(text: str) -> dict[str, Any] | None:
    """Return the arguments of a tool that the model wrote; None if they are not an object."""
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None
