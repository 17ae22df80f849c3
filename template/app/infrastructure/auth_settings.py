"""Settings of authentication: keys, lifetimes, passwords and limits."""

from __future__ import annotations

from typing import Annotated

from limits import parse
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

Key = Annotated[SecretStr, Field(min_length=32)]


class AuthSettings(BaseSettings):
    # SECRET_KEY signs tokens. Tokens signed with a previous key stay valid.
    secret_key_fallbacks: tuple[Key, ...] = ()
    jwt_issuer: str = "service"
    jwt_audience: str = "service"
    access_token_seconds: int = Field(default=900, ge=1)
    refresh_token_seconds: int = Field(default=2_592_000, ge=1)
    auth_cookies: bool = False
    password_min_length: int = Field(default=12, ge=8, le=72)
    bcrypt_rounds: int = Field(default=12, ge=12, le=31)
    login_rate_limit: str = "10/minute"
    register_rate_limit: str = "10/hour"
    refresh_rate_limit: str = "60/minute"
    rate_limit_url: str = Field(default="memory://", pattern="^(memory|rediss?)://", repr=False)

    @field_validator("login_rate_limit", "register_rate_limit", "refresh_rate_limit")
    @classmethod
    def validate_rate_limit(cls, value: str) -> str:
        """Report an invalid limit at startup instead of at the first request."""
        parse(value)
        return value
