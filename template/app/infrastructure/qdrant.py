"""Vectors in Qdrant, which finds the rows whose vectors are nearest to one.

A column of vectors has a collection, whose name ends with the length of the vectors. A point has
the id of its row, and the owner. What is there follows from the rows: see `vector_index.py`.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import InstrumentedAttribute

from app.common.errors import UnavailableError
from app.infrastructure.settings import get_settings

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

ERROR_DOWN = "The vectors cannot be reached"
OWNER = "owner"
NOT_FOUND = 404

Point = tuple[uuid.UUID, list[float], uuid.UUID | None]

logger = logging.getLogger(__name__)


@lru_cache
def get_client() -> AsyncQdrantClient:
    """Return the client of this process. It is imported here, because that takes seconds."""
    from qdrant_client import AsyncQdrantClient

    settings = get_settings()
    return AsyncQdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_key.get_secret_value() or None,
        timeout=settings.qdrant_timeout_seconds,
        check_compatibility=False,  # would be a request at the first import
    )


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    client = get_client()
    try:
        yield
    finally:
        await client.close()
        get_client.cache_clear()


async def check() -> None:
    """Raise 503 if Qdrant does not answer."""
    with reachable():
        await get_client().get_collections()


def collection_of(column: InstrumentedAttribute[Any]) -> str:
    """Return the name of the collection of a column. Another length has another collection."""
    table = column.class_.__tablename__
    return f"{get_settings().qdrant_prefix}-{table}-{column.key}-{column.type.dimension}"


async def find(
    collection: str,
    vector: Sequence[float],
    owner_id: uuid.UUID | None,
    limit: int,
    start: int = 0,
) -> list[tuple[uuid.UUID, float]]:
    """Return the ids of the nearest points with their similarities, only those of the owner."""
    from qdrant_client import models

    owned = models.FieldCondition(key=OWNER, match=models.MatchValue(value=str(owner_id)))
    with reachable(), unless_missing():
        response = await get_client().query_points(
            collection,
            query=list(vector),
            query_filter=models.Filter(must=[owned]) if owner_id else None,
            limit=limit,
            offset=start,
            with_payload=False,
        )
        return [(uuid.UUID(str(point.id)), point.score) for point in response.points]
    return []


async def put(collection: str, dimension: int, points: Sequence[Point]) -> None:
    """Store points, in place of those with their ids."""
    from qdrant_client import models

    stored = [
        models.PointStruct(id=str(row_id), vector=vector, payload={OWNER: str(owner_id)})
        for row_id, vector, owner_id in points
    ]
    with reachable():
        with unless_missing():
            await get_client().upsert(collection, points=stored, wait=True)
            return
        await _create(collection, dimension)
        await get_client().upsert(collection, points=stored, wait=True)


async def remove(collection: str, ids: Sequence[uuid.UUID]) -> None:
    """Remove points; those that do not exist are ignored."""
    from qdrant_client import models

    selected = models.PointIdsList(points=[str(row_id) for row_id in ids])
    with reachable(), unless_missing():
        await get_client().delete(collection, points_selector=selected, wait=True)


async def _create(collection: str, dimension: int) -> None:
    """Create a collection with an index of owners, unless it exists."""
    from qdrant_client import models
    from qdrant_client.http.exceptions import UnexpectedResponse

    client = get_client()
    if await client.collection_exists(collection):
        return
    size = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
    try:
        await client.create_collection(collection, vectors_config=size)
    except UnexpectedResponse:
        if not await client.collection_exists(collection):  # another process was faster
            raise
    owners = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    await client.create_payload_index(collection, OWNER, field_schema=owners)


@contextlib.contextmanager
def unless_missing() -> Iterator[None]:
    """Do nothing in a collection that does not exist, as the server says without being asked."""
    from qdrant_client.http.exceptions import UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code != NOT_FOUND:
            raise


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Raise 503 for errors of Qdrant and of the connection to it."""
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, OSError) as error:
        logger.warning("Qdrant does not answer: %s", str(error).partition("\n")[0])
        raise UnavailableError(ERROR_DOWN, code="vectors_down") from error
