"""Schemas of notifications. Only the service creates them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from app.common.schemas import OMITTED, Filter, Null, PageQuery, RowSchema, RowSort, Schema
from app.common.sorts import Sort

Kind = Annotated[str, Field(min_length=1, max_length=100, examples=["order.shipped"])]
Title = Annotated[str, Field(min_length=1, max_length=200, examples=["Your order is on its way"])]
Body = Annotated[str, Field(max_length=2000)]
Link = Annotated[str, Field(max_length=2000, examples=["/orders/42"])]


class NotificationCreate(Schema):
    kind: Kind
    title: Title
    body: Body | None = None
    link: Link | None = None


class NotificationRead(RowSchema):
    kind: str
    title: str
    body: str | None
    link: str | None
    read_at: dt.datetime | None


class NotificationQuery(PageQuery):
    kind: Filter[str] = OMITTED
    read_at_null: Null = OMITTED
    sort: Sort[RowSort] = "id"


class Unread(Schema):
    unread: int
