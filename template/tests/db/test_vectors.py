"""The rows whose vectors are nearest to one, of all that meet the conditions of a statement."""

from __future__ import annotations

import math
import random
import uuid
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.base import BaseModelMixin
from app.db.vectors import Vector, fetch_nearest
from tests.api import count_statements

MANY, FEW = 500, 4
ANN, BEN = uuid.UUID(int=1), uuid.UUID(int=2)
ASKED = [1.0, 0.0, 0.0, 0.0]


class OwnBase(DeclarativeBase):
    """A base whose tables Alembic does not compare."""


class Point(BaseModelMixin, OwnBase):
    __tablename__ = "_points"

    owner_id: Mapped[uuid.UUID] = mapped_column(sa.Uuid())
    place: Mapped[list[float] | None] = mapped_column(Vector(4), deferred=True)


def similarity(place: list[float]) -> float:
    """Return the similarity to what is asked for."""
    return place[0] / math.hypot(*place)


def places() -> list[list[float]]:
    """Return the same points in every run, the nearest to what is asked for first."""
    numbers = random.Random(1)  # noqa: S311
    found = [[numbers.gauss(0, 1) for _ in range(4)] for _ in range(MANY + FEW)]
    return sorted(found, key=similarity, reverse=True)


@pytest_asyncio.fixture
async def points(
    engine: AsyncEngine, connection: AsyncConnection, session: AsyncSession
) -> AsyncSession:
    """A session with points of Ann, and a few of Ben that are farther from what is asked for."""
    if engine.dialect.name == "sqlite":
        pytest.skip("the tests run on another database")
    await connection.run_sync(OwnBase.metadata.create_all)
    rows: list[dict[str, Any]] = [{"owner_id": ANN, "place": place} for place in places()]
    for row in rows[MANY:]:
        row["owner_id"] = BEN
    without = {"owner_id": BEN, "place": None}
    await session.execute(sa.insert(Point), [*rows, without])
    session.add(Point(owner_id=BEN, place=ASKED, is_deleted=True))
    await session.flush()
    return session


def points_of(owner_id: uuid.UUID) -> sa.Select[Point]:
    return sa.select(Point).filter_by(owner_id=owner_id, is_deleted=False)


@pytest.mark.parametrize(("stops_at", "queries"), [(1, 2), (20_000, 1)])
async def test_few_rows_of_an_owner_are_found_among_many(
    points: AsyncSession, engine: AsyncEngine, stops_at: int, queries: int
) -> None:
    """The index has the rows of all owners, and those of Ann come first."""
    for name, value in {"enable_seqscan": "off", "hnsw.max_scan_tuples": str(stops_at)}.items():
        await points.execute(sa.select(sa.func.set_config(name, value, True)))

    with count_statements(engine) as statements:
        found = await fetch_nearest(points, points_of(BEN), Point.place, ASKED, FEW)

    assert len([text for text in statements if "FROM _points" in text]) == queries
    expected = [similarity(place) for place in places()[MANY:]]
    assert [row.similarity for row in found.items] == pytest.approx(expected)
    assert {row.owner_id for row in found.items} == {BEN}


async def test_nearest_rows_come_first(points: AsyncSession) -> None:
    found = await fetch_nearest(points, points_of(ANN), Point.place, ASKED, 10)

    expected = [similarity(place) for place in places()[:10]]
    assert [row.similarity for row in found.items] == pytest.approx(expected)
    (again,) = await points.scalars(sa.select(Point.place).filter_by(id=found.items[0].id))
    assert again == pytest.approx(places()[0])


async def test_vectors_are_found_by_their_index(points: AsyncSession) -> None:
    await points.execute(sa.text("SET LOCAL enable_seqscan = off"))
    nearest = "SELECT id FROM _points WHERE NOT is_deleted ORDER BY place <=> '[1, 0, 0, 0]'"

    plan = (await points.scalars(sa.text(f"EXPLAIN {nearest} LIMIT 1"))).all()

    assert any("_points_place_vector_idx" in line for line in plan)


async def test_vector_of_another_length_is_refused(points: AsyncSession) -> None:
    points.add(Point(owner_id=ANN, place=[1.0]))

    with pytest.raises(sa.exc.DBAPIError, match="expected 4 dimensions"):
        await points.flush()
