"""Settings of the service that computes vectors."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class VectorsSettings(BaseSettings):
    """Where texts become vectors: the API of OpenAI, or another one with its `/embeddings`."""

    embedding_url: str = Field(pattern="^https?://")  # without `/embeddings`
    embedding_key: SecretStr = SecretStr("")
    embedding_model: str = Field(min_length=1)
    # Whether the length of the vectors is asked for. Models of one length reject that.
    embedding_sends_dimensions: bool = True
    # A longer text is cut: models read texts up to a length.
    embedding_max_characters: int = Field(default=8_000, ge=1)
    # The texts of one request.
    embedding_batch: int = Field(default=100, ge=1)
