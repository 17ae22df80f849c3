"""Every relationship can be loaded when it is asked for, and only then."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

import app.modules  # noqa: F401  # imports every model
from app.db.base import Base


async def test_relationships_are_loaded_explicitly(session: AsyncSession) -> None:
    for mapper in Base.registry.mappers:
        for relationship in mapper.relationships:
            assert relationship.lazy == "raise"
            statement = sa.select(mapper).options(joinedload(relationship.class_attribute))
            assert (await session.scalars(statement)).unique().all() == []
