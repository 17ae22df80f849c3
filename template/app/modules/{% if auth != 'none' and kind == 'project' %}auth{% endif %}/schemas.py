"""What the API takes and gives when somebody signs in."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, SecretStr

from app.common.schemas import Schema
from app.infrastructure.passwords import Password
from app.modules.users.schemas import UserEmail


class LoginForm(Schema):
    """The form of OAuth2's password flow; the other fields that clients send mean nothing here."""

    grant_type: Literal["password"] = "password"
    username: UserEmail = Field(description="Email address", examples=["ann@example.com"])
    password: Password = Field(examples=["correct horse battery"])

    model_config = ConfigDict(extra="ignore")


class RefreshRequest(Schema):
    """A refresh token; a browser sends it as a cookie instead."""

    refresh_token: SecretStr


class TokenRead(Schema):
    """Both tokens; a browser gets them as cookies instead, out of reach of scripts."""

    access_token: str | None = Field(description="Send it as `Authorization: Bearer …`")
    refresh_token: str | None = Field(description="Trade it once for two new tokens")
    token_type: Literal["bearer"] = Field(default="bearer")
    expires_in: int = Field(description="How many seconds the access token lives")
