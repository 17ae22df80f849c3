"""What the API takes and gives for projects and their members."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal

from pydantic import Field

from app.common.schemas import PageQuery, Schema, unset
from app.modules.users.schemas import UserEmail

ProjectRole = Literal["viewer", "editor", "owner"]
ProjectSort = Literal["id", "-id", "name", "-name"]


class ProjectCreate(Schema):
    """A new project; who makes it is its owner."""

    name: str = Field(min_length=1, max_length=120, examples=["Apollo"])


class ProjectUpdate(Schema):
    """What is changed about a project; a field that is left out stays as it is."""

    name: str = Field(default_factory=unset, min_length=1, max_length=120)


class ProjectRead(Schema):
    """What is told about a project."""

    id: uuid.UUID
    name: str

    created_at: dt.datetime
    updated_at: dt.datetime


class ProjectQuery(PageQuery):
    """In which order a list has the projects."""

    sort: ProjectSort = Field(
        default="id",
        description="What to sort by, descending with `-` before it; `id` is the order of creation",
    )


class MemberCreate(Schema):
    """Somebody who is registered, and joins a project."""

    email: UserEmail = Field(description="The address of a user", examples=["bob@example.com"])
    role: ProjectRole = Field(description="Viewers read, editors write, owners manage")


class MemberUpdate(Schema):
    """Another role."""

    role: ProjectRole = Field(description="Viewers read, editors write, owners manage")


class MemberRead(Schema):
    """What the members of a project are told about one of them."""

    user_id: uuid.UUID
    email: UserEmail
    name: str
    role: ProjectRole

    created_at: dt.datetime
    updated_at: dt.datetime
