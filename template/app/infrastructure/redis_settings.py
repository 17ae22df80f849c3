"""Where the Redis server is, or another one that speaks its protocol."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

SCHEMES = ("redis://", "rediss://")
ERROR_SCHEME = "REDIS_URL must start with redis://, or with rediss:// for TLS"


class RedisSettings(BaseSettings):
    """Where the server is, and how long to wait for it."""

    redis_url: str = Field(repr=False)  # it may hold a password
    redis_pool_max_size: int = Field(default=50, ge=1)
    redis_timeout_seconds: float = Field(default=5, gt=0)

    @model_validator(mode="after")
    def validate_scheme(self) -> Self:
        """Say at the start what would otherwise be an error at the first command."""
        if not self.redis_url.startswith(SCHEMES):
            raise ValueError(ERROR_SCHEME)
        return self
