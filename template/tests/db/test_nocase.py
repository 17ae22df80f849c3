"""Text that is compared without regard to case."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.nocase import NoCase

NAMES = ["Ann", "bob", "BOB"]
ROWS = sa.union_all(
    *(sa.select(sa.literal(name, NoCase(20)).label("name")) for name in NAMES)
).subquery()


async def found(session: AsyncSession, condition: sa.ColumnElement[bool]) -> set[str]:
    """Return the values that meet a condition."""
    return {*await session.scalars(sa.select(ROWS.c.name).where(condition))}


async def test_equal_values_can_differ_in_case(session: AsyncSession) -> None:
    name = ROWS.c.name

    assert await found(session, name == "bOb") == {"bob", "BOB"}
    assert await found(session, name != "BOB") == {"Ann"}
    assert await found(session, name.in_(["ANN", "bob"])) == {"Ann", "bob", "BOB"}
    assert await found(session, name.not_in(["ann"])) == {"bob", "BOB"}
    assert await found(session, name.is_(None)) == set()
