"""Settings of the Qdrant server."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class QdrantSettings(BaseSettings):
    qdrant_url: str = Field(pattern="^https?://")
    qdrant_key: SecretStr = SecretStr("")
    # What the names of collections begin with. Services that share a server need different ones.
    qdrant_prefix: str = Field(default="service", pattern="^[a-z0-9_-]+$")
    qdrant_timeout_seconds: int = Field(default=5, ge=1)
