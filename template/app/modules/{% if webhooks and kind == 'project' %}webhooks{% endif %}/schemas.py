"""Request and response schemas of webhooks."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from app.common.schemas import OMITTED, Filter, PageQuery, RowSchema, RowSort, Schema
from app.common.sorts import Sort
from app.infrastructure.webhooks import refuse_private

DeliveryStatus = Literal["pending", "delivered", "failed"]
Url = Annotated[str, Field(max_length=2000), AfterValidator(refuse_private)]
EventName = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")]
Events = Annotated[list[EventName], Field(max_length=100, description="All events, if it is empty")]


class WebhookCreate(Schema):
    url: Url
    events: Events = Field(default=[])


class WebhookUpdate(Schema):
    url: Url = OMITTED
    events: Events = OMITTED
    is_active: Annotated[bool, Field(description="`true` enables a disabled webhook")] = OMITTED


class WebhookRead(RowSchema):
    url: str
    events: list[str]
    is_active: bool
    failures: int = Field(description="Attempts that failed since the last one that succeeded")


class WebhookCreated(WebhookRead):
    secret: str = Field(description="What messages are signed with. It is not shown again")


class WebhookQuery(PageQuery):
    sort: Sort[RowSort] = "id"


class WebhookDeliveryRead(RowSchema):
    event: str
    payload: dict[str, Any]
    status: DeliveryStatus
    attempts: int
    response_status: int | None = Field(description="Of the last attempt that got an answer")
    error: str | None = Field(description="What went wrong in the last attempt")
    delivered_at: dt.datetime | None


class WebhookDeliveryQuery(PageQuery):
    status: Filter[DeliveryStatus] = OMITTED
    sort: Sort[RowSort] = "-id"
