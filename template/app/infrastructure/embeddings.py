"""The vectors of texts, from the service that computes them.

It speaks the API of OpenAI (`POST /embeddings`), as most servers of models do. Its errors are 502
and 504.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic import FiniteFloat, ValidationError

from app.common.schemas import Model
from app.infrastructure.clients.base import ServiceClient, ServiceError
from app.infrastructure.settings import get_settings

ERROR_ANSWER = "The service `embeddings` has not returned {count} vectors of {dimension} numbers"


class Embedding(Model, extra="ignore"):
    index: int
    embedding: list[FiniteFloat]


class Embeddings(Model, extra="ignore"):
    data: list[Embedding]


class EmbeddingsClient(ServiceClient):
    idempotent = frozenset({"POST"})  # the same text has the same vector

    async def embed(self, texts: Sequence[str], dimension: int) -> list[list[float]]:
        """Return the vector of each text.

        Raises:
            ServiceError: the service fails, or returns other vectors.
        """
        size = get_settings().embedding_batch
        found: list[list[float]] = []
        for start in range(0, len(texts), size):
            found += await self._batch(texts[start : start + size], dimension)
        return found

    async def _batch(self, texts: Sequence[str], dimension: int) -> list[list[float]]:
        settings = get_settings()
        body: dict[str, Any] = {
            "model": settings.embedding_model,
            "input": [text[: settings.embedding_max_characters] for text in texts],
        }
        if settings.embedding_sends_dimensions:
            body["dimensions"] = dimension
        response = await self.request("POST", "/embeddings", json=body)
        try:
            answer = Embeddings.model_validate_json(response.content)
        except ValidationError as error:
            raise ServiceError(_wrong(len(texts), dimension), response) from error
        vectors = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        if len(vectors) != len(texts) or {len(vector) for vector in vectors} - {dimension}:
            raise ServiceError(_wrong(len(texts), dimension), response)
        return vectors


def _wrong(count: int, dimension: int) -> str:
    return ERROR_ANSWER.format(count=count, dimension=dimension)


@lru_cache
def get_embeddings() -> EmbeddingsClient:
    """Return the client of this process."""
    settings = get_settings()
    return EmbeddingsClient("embeddings", settings.embedding_url, settings.embedding_key)
