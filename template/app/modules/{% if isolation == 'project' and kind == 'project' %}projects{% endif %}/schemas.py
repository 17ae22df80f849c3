"""Request and response schemas of projects and their members."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import Field

from app.common.schemas import OMITTED, PageQuery, RowSchema, RowSort, Schema
from app.common.sorts import Sort
from app.modules.users.schemas import UserEmail

Name = Annotated[str, Field(min_length=1, max_length=120, examples=["Apollo"])]
# Viewers read, editors write, owners manage the project and its members.
ProjectRole = Literal["viewer", "editor", "owner"]
ProjectSort = Literal[RowSort, "name", "-name"]


class ProjectCreate(Schema):
    """The user who creates a project becomes its owner."""

    name: Name


class ProjectUpdate(Schema):
    """Omitted fields keep their value."""

    name: Name = OMITTED


class ProjectRead(RowSchema):
    name: str


class ProjectQuery(PageQuery):
    sort: Sort[ProjectSort] = "id"


class MemberCreate(Schema):
    email: UserEmail = Field(
        description="Address of a registered user", examples=["bob@example.com"]
    )
    role: ProjectRole = Field(description="Viewers read, editors write, owners manage")


class MemberUpdate(Schema):
    role: ProjectRole = Field(description="Viewers read, editors write, owners manage")


class MemberRead(Schema):
    user_id: uuid.UUID
    email: UserEmail
    name: str
    role: ProjectRole
    created_at: dt.datetime
    updated_at: dt.datetime


class MemberQuery(PageQuery):
    sort: Sort[RowSort] = "id"
