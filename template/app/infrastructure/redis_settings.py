"""Settings of the connection to Redis, or to another server with its protocol."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

SCHEMES = ("redis://", "rediss://")
ERROR_SCHEME = "REDIS_URL must start with redis://, or with rediss:// for TLS"


class RedisSettings(BaseSettings):
    """The URL of the server, the size of the pool and timeouts."""

    redis_url: str = Field(repr=False)  # can contain a password
    redis_pool_max_size: int = Field(default=50, ge=1)
    redis_timeout_seconds: float = Field(default=5, gt=0)

    @model_validator(mode="after")
    def validate_scheme(self) -> Self:
        """Report an invalid URL at startup instead of at the first command."""
        if not self.redis_url.startswith(SCHEMES):
            raise ValueError(ERROR_SCHEME)
        return self
