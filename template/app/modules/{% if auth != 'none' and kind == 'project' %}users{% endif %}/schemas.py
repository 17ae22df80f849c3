"""Request and response schemas of users."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.common.schemas import OMITTED, Filter, PageQuery, RowSchema, RowSort, Schema
from app.common.types import Email
from app.infrastructure.passwords import NewPassword, Password


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


# Mail servers do not distinguish `Ann@` from `ann@`. Lowering a letter can produce two, so it is
# done before the address is validated.
UserEmail = Annotated[Email, BeforeValidator(_lower)]
Name = Annotated[str, Field(min_length=1, max_length=120, examples=["Ann"])]
Role = Literal["user", "admin"]
UserSort = Literal[RowSort, "email", "-email", "name", "-name"]


class UserCreate(Schema):
    email: UserEmail = Field(examples=["ann@example.com"])
    name: Name
    password: NewPassword = Field(
        description="At most 72 bytes", examples=["correct horse battery"]
    )


class UserUpdate(Schema):
    """Omitted fields keep their value."""

    email: UserEmail = OMITTED
    name: Name = OMITTED


class PasswordChange(Schema):
    """The current password proves that the change does not come from an unattended session."""

    current_password: Password
    new_password: NewPassword = Field(description="At most 72 bytes")


class UserAccess(Schema):
    """What an administrator can change; omitted fields keep their value."""

    role: Role = OMITTED
    is_active: Annotated[bool, Field(description="Whether the user can sign in")] = OMITTED


class UserRead(RowSchema):
    email: UserEmail
    name: str
    role: Role
    is_active: bool


class UserQuery(PageQuery):
    email: Filter[UserEmail] = OMITTED
    role: Filter[Role] = OMITTED
    is_active: Filter[bool] = OMITTED
    sort: UserSort = "id"
