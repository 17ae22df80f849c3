"""Request and response schemas of conversations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.common.schemas import OMITTED, PageQuery, RowSchema, RowSort, Schema
from app.common.sorts import Sort
from app.common.types import ONE_LINE

Title = Annotated[str, Field(min_length=1, max_length=200, examples=["Overdue orders"]), ONE_LINE]


class ConversationCreate(Schema):
    title: Title | None = None


class ConversationUpdate(Schema):
    title: Title | None = OMITTED


class ConversationRead(RowSchema):
    title: str | None
    is_running: bool = Field(description="Whether the assistant is answering")


class ConversationQuery(PageQuery):
    sort: Sort[RowSort] = "id"
