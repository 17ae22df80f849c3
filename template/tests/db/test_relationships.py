"""Relationships are read from both sides, load explicitly and exclude deleted rows."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

import app.modules  # noqa: F401  # imports every model
from app.common.references import require_reference, require_references
from app.db.base import Base, BaseModelMixin
from app.db.links import (
    add_link,
    link_table,
    live_links,
    remove_link,
    replace_links,
    save_linked,
    with_links,
)
from app.db.relationships import live_rows
from tests.db.probe import ProbeBase

parts__peers = link_table(ProbeBase.metadata, "_parts", "peers", "_parts")
LINKS = {"peer_ids": parts__peers}


class Part(BaseModelMixin, ProbeBase):
    """A row that refers to one row of its own table, and links many."""

    __tablename__ = "_parts"

    whole_id: Mapped[uuid.UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("_parts.id"))

    parts: Mapped[list[Part]] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=live_rows("Part", "Part", "whole_id"),
        order_by="Part.id",
    )
    peers: Mapped[list[Part]] = relationship(
        lazy="raise",
        viewonly=True,
        secondary=parts__peers,
        primaryjoin="Part.id == _parts__peers.c.item_id",
        secondaryjoin=live_links("_parts__peers", "Part"),
        order_by="Part.id",
    )


async def test_relationships_are_loaded_explicitly(session: AsyncSession) -> None:
    for mapper in Base.registry.mappers:
        for found in mapper.relationships:
            assert found.lazy == "raise"
            statement = sa.select(mapper).options(joinedload(found.class_attribute))
            assert (await session.scalars(statement)).unique().all() == []


async def make(samples: AsyncSession, count: int) -> list[Part]:
    """Add some rows, all parts of the first."""
    first = Part()
    samples.add(first)
    await samples.flush()
    others = [Part(whole_id=first.id) for _ in range(1, count)]
    samples.add_all(others)
    await samples.flush()
    return [first, *others]


async def test_collection_excludes_deleted_rows(samples: AsyncSession) -> None:
    first, second, third = await make(samples, 3)
    second.is_deleted = True
    await samples.flush()

    await samples.refresh(first, ["parts"])

    assert first.parts == [third]


async def test_links_are_added_removed_and_replaced(samples: AsyncSession) -> None:
    first, second, third = await make(samples, 3)

    async def peers() -> list[Part]:
        await samples.refresh(first, ["peers"])
        return first.peers

    await replace_links(samples, parts__peers, first.id, [third.id, second.id, third.id])
    assert await peers() == [second, third]
    for _ in range(2):
        await remove_link(samples, parts__peers, first.id, second.id)
        assert await peers() == [third]
    for _ in range(2):
        await add_link(samples, parts__peers, first.id, second.id)
        assert await peers() == [second, third]
    third.is_deleted = True
    await samples.flush()
    assert await peers() == [second]
    await replace_links(samples, parts__peers, first.id, [])
    assert await peers() == []


@pytest_asyncio.fixture
async def committed(engine: AsyncEngine, database_url: str) -> AsyncIterator[AsyncEngine]:
    """The engine of a database with these tables, for transactions that see one another."""
    if database_url == "sqlite+aiosqlite://":
        pytest.skip("a database in memory has one connection")
    async with engine.begin() as connection:
        await connection.run_sync(ProbeBase.metadata.create_all)
    yield engine
    async with engine.begin() as connection:
        await connection.run_sync(ProbeBase.metadata.drop_all)


async def test_requests_at_once_can_link_the_same_rows(committed: AsyncEngine) -> None:
    async with AsyncSession(committed) as first, AsyncSession(committed) as second:
        ids = [part.id for part in await make(first, 2)]
        await first.commit()
        await add_link(first, parts__peers, *ids)
        linking = asyncio.create_task(add_link(second, parts__peers, *ids))
        await asyncio.sleep(0.05)
        await first.commit()
        await linking
        assert [*(await second.execute(sa.select(parts__peers))).one()] == ids


@pytest.mark.parametrize("touch", [True, False])
async def test_links_are_saved_with_the_values_of_columns(
    samples: AsyncSession, touch: bool
) -> None:
    first, second, third = await make(samples, 3)
    before = first.updated_at

    values = {"whole_id": second.id, "peer_ids": [third.id]}
    await save_linked(samples, first, {"peer_ids": [second.id]}, LINKS, touch=touch)
    assert (first.peers, first.updated_at > before) == ([second], touch)
    await save_linked(samples, first, values, LINKS)
    assert (first.whole_id, first.peers) == (second.id, [third])
    await save_linked(samples, first, {"whole_id": None}, LINKS)
    assert (first.whole_id, first.peers) == (None, [third])

    samples.expunge_all()
    statement = with_links(sa.select(Part)).where(Part.id == first.id)
    assert [peer.id for peer in (await samples.scalars(statement)).one().peers] == [third.id]


async def test_unknown_id_of_a_link_returns_422() -> None:
    known = uuid.uuid4()

    async def exist(item_ids: object) -> bool:
        return item_ids == [known]

    await require_references({"peer_ids": [known]}, "peer_ids", exist)
    await require_references({"peer_ids": []}, "peer_ids", exist)
    await require_references({}, "peer_ids", exist)
    with pytest.raises(HTTPException, match="422"):
        await require_references({"peer_ids": [uuid.uuid4()]}, "peer_ids", exist)


async def test_unknown_reference_returns_422() -> None:
    async def exists(item_id: uuid.UUID) -> bool:
        return item_id.int == 1

    await require_reference({"whole_id": None}, "whole_id", exists)
    await require_reference({"whole_id": uuid.UUID(int=1)}, "whole_id", exists)
    with pytest.raises(HTTPException) as refused:
        await require_reference({"whole_id": uuid.UUID(int=2)}, "whole_id", exists)

    assert refused.value.status_code == 422
