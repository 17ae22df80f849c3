"""Rows are found from either end of a relationship, when they are asked for and not deleted."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

import app.modules  # noqa: F401  # imports every model
from app.common.references import require_references
from app.db.base import Base
from app.db.links import add_link, remove_link, replace_links, take_links
from tests.db.probe import Gadget, gadgets__peers

LINKS = {"peer_ids": gadgets__peers}


async def test_relationships_are_loaded_explicitly(session: AsyncSession) -> None:
    for mapper in Base.registry.mappers:
        for relationship in mapper.relationships:
            assert relationship.lazy == "raise"
            statement = sa.select(mapper).options(joinedload(relationship.class_attribute))
            assert (await session.scalars(statement)).unique().all() == []


async def make(samples: AsyncSession, count: int) -> list[Gadget]:
    """Store some rows, each part of the first."""
    first = Gadget(sku="0")
    samples.add(first)
    await samples.flush()
    others = [Gadget(sku=str(number), parent_id=first.id) for number in range(1, count)]
    samples.add_all(others)
    await samples.flush()
    return [first, *others]


async def test_collection_has_the_rows_that_are_not_deleted(samples: AsyncSession) -> None:
    first, second, third = await make(samples, 3)
    second.is_deleted = True
    await samples.flush()

    await samples.refresh(first, ["parts"])

    assert first.parts == [third]


async def test_links_are_written_one_by_one_and_as_a_whole(samples: AsyncSession) -> None:
    first, second, third = await make(samples, 3)

    async def peers() -> list[Gadget]:
        await samples.refresh(first, ["peers"])
        return first.peers

    await replace_links(samples, gadgets__peers, first.id, [third.id, second.id, third.id])
    assert await peers() == [second, third]
    for _ in range(2):
        await remove_link(samples, gadgets__peers, first.id, second.id)
        assert await peers() == [third]
    for _ in range(2):
        await add_link(samples, gadgets__peers, first.id, second.id)
        assert await peers() == [second, third]
    third.is_deleted = True
    await samples.flush()
    assert await peers() == [second]
    await replace_links(samples, gadgets__peers, first.id, [])
    assert await peers() == []


def test_links_are_taken_out_of_the_values_of_columns() -> None:
    values = {"sku": "1", "peer_ids": [1]}

    assert take_links(values, LINKS) == {"peer_ids": [1]}
    assert values == {"sku": "1"}
    assert take_links(values, LINKS) == {}


async def test_every_identifier_has_to_be_known() -> None:
    known = uuid.uuid4()

    async def exist(item_ids: object) -> bool:
        return item_ids == [known]

    await require_references({"peer_ids": [known]}, "peer_ids", exist)
    await require_references({"peer_ids": []}, "peer_ids", exist)
    await require_references({}, "peer_ids", exist)
    with pytest.raises(HTTPException, match="422"):
        await require_references({"peer_ids": [uuid.uuid4()]}, "peer_ids", exist)
