"""Sign-in request and response schemas, with the names of OAuth2 (RFC 6749) in any service."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, SecretStr

from app.common.schemas import Schema
from app.infrastructure.passwords import Password
from app.modules.users.schemas import UserEmail


class LoginForm(Schema):
    """Form of the OAuth2 password flow. Other fields are ignored."""

    grant_type: Literal["password"] = "password"
    username: UserEmail = Field(description="Email address", examples=["ann@example.com"])
    password: Password = Field(examples=["correct horse battery"])

    model_config = ConfigDict(extra="ignore", alias_generator=None)


class RefreshRequest(Schema, alias_generator=None):
    """A refresh token. Browsers send it as a cookie instead."""

    refresh_token: SecretStr


class TokenRead(Schema, alias_generator=None):
    """Both tokens. Browsers get them as cookies instead, which scripts cannot read."""

    access_token: str | None = Field(description="Send it as `Authorization: Bearer …`")
    refresh_token: str | None = Field(description="Exchange it once for two new tokens")
    token_type: Literal["bearer"] = Field(default="bearer")
    expires_in: int = Field(description="Lifetime of the access token in seconds")
