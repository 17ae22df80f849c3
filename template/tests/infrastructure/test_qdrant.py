"""Points in Qdrant: those of an owner are found, and an outage is an error of the service."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from app.common.errors import UnavailableError
from app.infrastructure import qdrant
from app.infrastructure.settings import get_settings

ANN, BEN = uuid.UUID(int=1), uuid.UUID(int=2)
NEAR, FAR, OTHER = uuid.UUID(int=11), uuid.UUID(int=12), uuid.UUID(int=13)
ASKED = [1.0, 0.0, 0.0, 0.0]


@pytest.fixture
def collection() -> str:
    """The name of a collection that does not exist yet."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that cannot be reached."""
    qdrant.get_client.cache_clear()
    monkeypatch.setattr(get_settings(), "qdrant_url", "http://127.0.0.1:1")
    yield
    qdrant.get_client.cache_clear()


async def test_points_of_an_owner_are_found(collection: str) -> None:
    assert await qdrant.find(collection, ASKED, ANN, 10) == []
    far, near, other = [0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], ASKED
    await qdrant.put(collection, 4, [(FAR, far, ANN), (NEAR, near, ANN), (OTHER, other, BEN)])

    found = await qdrant.find(collection, ASKED, ANN, 10)

    assert [row_id for row_id, _ in found] == [NEAR, FAR]
    assert [score for _, score in found] == pytest.approx([0.5**0.5, 0], abs=1e-6)
    assert [row_id for row_id, _ in await qdrant.find(collection, ASKED, ANN, 1, 1)] == [FAR]
    assert [row_id for row_id, _ in await qdrant.find(collection, ASKED, None, 1)] == [OTHER]


async def test_points_are_replaced_and_removed(collection: str) -> None:
    for vector in ([0.0, 1.0, 0.0, 0.0], ASKED):
        await qdrant.put(collection, 4, [(NEAR, vector, ANN)])

    ((row_id, score),) = await qdrant.find(collection, ASKED, ANN, 10)
    assert (row_id, round(score, 6)) == (NEAR, 1)
    await qdrant.remove(collection, [NEAR, FAR])
    assert await qdrant.find(collection, ASKED, ANN, 10) == []


@pytest.mark.usefixtures("outage")
async def test_outage_is_503(collection: str) -> None:
    for call in (
        qdrant.check(),
        qdrant.find(collection, ASKED, ANN, 1),
        qdrant.put(collection, 4, [(NEAR, ASKED, ANN)]),
        qdrant.remove(collection, [NEAR]),
    ):
        with pytest.raises(UnavailableError) as raised:
            await call
        assert raised.value.code == "vectors_down"
