"""How long a request waits for the cache."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class CacheSettings(BaseSettings):
    cache_timeout_seconds: float = Field(default=1, gt=0)
