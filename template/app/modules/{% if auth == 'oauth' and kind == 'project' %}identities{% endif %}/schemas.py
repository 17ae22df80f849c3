"""Claims of a provider."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from app.common.schemas import Schema
from app.modules.users.schemas import UserEmail


class ProviderClaims(Schema):
    """The used claims of an ID token. Its signature has been verified."""

    iss: str = Field(max_length=255)
    sub: str = Field(min_length=1, max_length=255)
    email: UserEmail | None = None
    email_verified: bool | None = None
    name: str | None = None

    model_config = ConfigDict(extra="ignore", alias_generator=None)
