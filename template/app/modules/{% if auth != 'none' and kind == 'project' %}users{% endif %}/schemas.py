"""What the API takes and gives for users."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.common.schemas import PageQuery, Schema, unset
from app.common.types import Email
from app.infrastructure.passwords import NewPassword, Password

Role = Literal["user", "admin"]
UserSort = Literal["id", "-id", "email", "-email", "name", "-name"]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


# Mail servers do not tell `Ann@` from `ann@`, and people mistake one for the other. A letter can
# become two when it is lowered, so that comes before the address is looked at.
UserEmail = Annotated[Email, BeforeValidator(_lower)]


class UserCreate(Schema):
    """Somebody who registers."""

    email: UserEmail = Field(description="Email address, unique", examples=["ann@example.com"])
    name: str = Field(min_length=1, max_length=120, examples=["Ann"])
    password: NewPassword = Field(
        description="At most 72 bytes", examples=["correct horse battery"]
    )


class UserUpdate(Schema):
    """What somebody changes about themselves; a field that is left out stays as it is."""

    email: UserEmail = Field(default_factory=unset, description="Email address, unique")
    name: str = Field(default_factory=unset, min_length=1, max_length=120)


class PasswordChange(Schema):
    """A new password, and the proof that it is not set by somebody who found an open page."""

    current_password: Password
    new_password: NewPassword = Field(description="At most 72 bytes")


class UserAccess(Schema):
    """What an administrator decides about a user; a field that is left out stays as it is."""

    role: Role = Field(default_factory=unset)
    is_active: bool = Field(default_factory=unset, description="Whether they may sign in")


class UserRead(Schema):
    """What is told about a user."""

    id: uuid.UUID
    email: UserEmail
    name: str
    role: Role
    is_active: bool

    created_at: dt.datetime
    updated_at: dt.datetime


class UserQuery(PageQuery):
    """Which users a list has, and in which order."""

    email: UserEmail = Field(default_factory=unset, description="Only the user with this one")
    role: Role = Field(default_factory=unset, description="Only users with this role")
    is_active: bool = Field(default_factory=unset, description="Only users who may sign in")

    sort: UserSort = Field(
        default="id",
        description="What to sort by, descending with `-` before it; `id` is the order of creation",
    )
