"""A model for the tests of the assistant: it gives the replies of a script, without a network."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from agents.testing import ScriptedModel, assistant_message, function_call

from app.infrastructure import assistant_agent
from app.infrastructure.settings import get_settings
from tests.api import JSON

__all__ = ["assistant_message", "call", "events_of", "read_by", "scripted"]


def call(tool: str, call_id: str = "c1", **arguments: object) -> Any:
    """Return a reply that calls a tool."""
    return function_call(tool, json.dumps(arguments), call_id=call_id)


def scripted(monkeypatch: pytest.MonkeyPatch, *replies: Any) -> ScriptedModel:
    """Let a script answer for the model; a reply is a list of messages and calls, or a function."""
    model = ScriptedModel(replies)
    monkeypatch.setattr(assistant_agent, "get_model", lambda: model)
    monkeypatch.setattr(get_settings(), "assistant_base_url", "http://model.test")
    return model


def read_by(model: ScriptedModel, number: int = -1) -> list[JSON]:
    """Return what the model read in a call."""
    found: list[JSON] = model.calls[number].input
    return found


def events_of(response: httpx2.Response) -> list[tuple[str, JSON]]:
    """Return the events of a stream with their data, without comments."""
    events = []
    for block in response.text.replace(": ping\n\n", "").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        events.append((fields["event"], json.loads(fields["data"])))
    return events
