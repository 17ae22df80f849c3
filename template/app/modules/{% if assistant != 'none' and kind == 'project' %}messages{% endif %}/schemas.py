"""Schemas of messages: those of users are sent, all others come from runs of the assistant."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import Field

from app.common.schemas import OMITTED, Filter, PageQuery, RowSchema, RowSort, Schema
from app.common.sorts import Sort
from app.common.types import Text

Kind = Literal["user", "assistant", "tool_call", "tool_result"]
RunError = Literal[
    "interrupted", "timeout", "turn_limit", "token_limit", "budget_exceeded", "model_failed"
]


class MessageCreate(Schema):
    text: Annotated[Text, Field(min_length=1, max_length=20_000, examples=["What is overdue?"])]


# White space is a part of what a model writes.
class MessageRead(RowSchema, str_strip_whitespace=False):
    run_id: uuid.UUID = Field(description="The same for a message and all that answers it")
    kind: Kind
    text: str = Field(description="Of a call of a tool its arguments, as JSON")
    tool: str | None
    call_id: uuid.UUID | None = Field(description="Of a result, the message with the call")
    error: RunError | None = Field(description="Why the last message of a run is not an answer")


class MessageQuery(PageQuery):
    kind: Filter[Kind] = OMITTED
    sort: Sort[RowSort] = "id"


class Delta(Schema, str_strip_whitespace=False):
    """A piece of the text that the model writes."""

    text: str


class Usage(Schema):
    """A call of the model that has ended."""

    model: str
    input_tokens: int
    output_tokens: int
    cost: int = Field(description="In millionths")
    started_at: dt.datetime
    duration_ms: int
