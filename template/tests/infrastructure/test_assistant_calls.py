"""Each call of the model is a span, and is counted."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, NoOpTracer, Span, StatusCode

from app.infrastructure.assistant_calls import ModelCalls, StoppedError
from app.infrastructure.settings import get_settings


class RecordedSpan(NonRecordingSpan):
    """A span that keeps what it is given."""

    def __init__(self, name: str) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self.name = name
        self.attributes: dict[str, Any] = {}
        self.status: object = None
        self.is_ended = False

    def set_attributes(self, attributes: Any) -> None:
        self.attributes |= attributes

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status

    def end(self, end_time: int | None = None) -> None:
        self.is_ended = True


class Tracer(NoOpTracer):
    """A tracer that keeps its spans."""

    def __init__(self) -> None:
        self.spans: list[RecordedSpan] = []

    def start_span(self, name: str, *_: Any, **__: Any) -> Span:
        self.spans.append(RecordedSpan(name))
        return self.spans[-1]


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    """The tracer of the calls."""
    found = Tracer()
    monkeypatch.setattr(trace, "get_tracer", lambda _: found)
    return found


def test_call_is_a_span_with_its_tokens(tracer: Tracer) -> None:
    calls, model = ModelCalls(), get_settings().assistant_model
    calls.begin(input_tokens=10)
    calls.count(3)
    usage = calls.end(12, 4)

    [span] = tracer.spans
    assert (span.name, span.is_ended, span.status) == (f"chat {model}", True, None)
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 4,
    }
    assert usage
    assert (usage.input_tokens, usage.output_tokens, usage.cost) == (12, 4, 11)
    assert calls.end(1, 1) is None


def test_call_without_a_reply_is_an_error_with_estimated_tokens(tracer: Tracer) -> None:
    calls = ModelCalls()
    calls.begin(input_tokens=10)
    calls.count(3)
    usage = calls.abort()

    assert usage
    assert (usage.input_tokens, usage.output_tokens) == (10, 3)
    assert (tracer.spans[0].status, tracer.spans[0].is_ended) == (StatusCode.ERROR, True)
    assert calls.abort() is None


def test_no_call_begins_after_the_tokens_are_used(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "assistant_max_tokens", 5)
    calls = ModelCalls()
    calls.begin(input_tokens=1)
    calls.end(5, 1)

    with pytest.raises(StoppedError, match="token_limit"):
        calls.begin(input_tokens=1)
