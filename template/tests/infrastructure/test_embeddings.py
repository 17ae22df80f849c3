"""Vectors of texts, from a server that answers, fails, stalls and returns something else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import stamina
from pydantic import SecretStr

from app.infrastructure.clients.base import ServiceError, ServiceTimeoutError
from app.infrastructure.embeddings import EmbeddingsClient, get_embeddings
from app.infrastructure.settings import get_settings
from dev.embeddings import vector_of
from tests.infrastructure.clients.servers import HANG_UP, STALL, OtherService, serve


@pytest_asyncio.fixture
async def other(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OtherService]:
    """A server that returns no vectors."""
    monkeypatch.setattr(get_settings(), "client_timeout_seconds", 0.3)
    async with serve() as service:
        with stamina.set_testing(True, attempts=2, cap=True):
            yield service


async def test_vectors_are_in_the_order_of_their_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_settings(), "embedding_batch", 2)
    monkeypatch.setattr(get_settings(), "embedding_max_characters", 9)
    texts = ["a red fox", "a fox", "a red fox jumps"]

    found = await get_embeddings().embed(texts, 16)

    assert found == [vector_of(text, 16) for text in ("a red fox", "a fox", "a red fox")]


@pytest.mark.parametrize(
    ("planned", "error"),
    [
        ([], ServiceError),  # `{}` has no vectors
        ([400], ServiceError),
        ([HANG_UP, HANG_UP], ServiceError),
        ([503, STALL], ServiceTimeoutError),
    ],
)
async def test_failure_is_an_error_of_the_service(
    other: OtherService, planned: list[int], error: type[ServiceError]
) -> None:
    other.planned = [*planned]
    client = EmbeddingsClient("embeddings", other.url, SecretStr("secret"))

    with pytest.raises(error) as raised:
        await client.embed(["a"], 16)
    await client.close()

    assert raised.value.status_code == (504 if error is ServiceTimeoutError else 502)
    assert len(other.received) == max(1, len(planned))


async def test_vectors_of_another_length_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_settings(), "embedding_sends_dimensions", False)

    with pytest.raises(ServiceError, match="1 vectors of 16 numbers"):
        await get_embeddings().embed(["a"], 16)
