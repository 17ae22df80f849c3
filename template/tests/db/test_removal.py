"""A row is removed if only soft-deleted rows refer to it."""

from __future__ import annotations

import uuid

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.requests import Request

from app.common.errors import handle_integrity_error
from app.db.base import BaseModelMixin, RowMixin
from app.db.removal import purge_marked, remove


class PurgeBase(DeclarativeBase):
    """A base for tables that refer to one another."""


class Owner(RowMixin, PurgeBase):
    """A row that is removed on deletion."""

    __tablename__ = "_owners"


class Box(BaseModelMixin, PurgeBase):
    """A row with a required owner and an optional outer box."""

    __tablename__ = "_boxes"

    owner_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("_owners.id", ondelete="RESTRICT"))
    outer_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("_boxes.id", ondelete="RESTRICT")
    )


class Item(BaseModelMixin, PurgeBase):
    """A row with a required box."""

    __tablename__ = "_items"

    box_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("_boxes.id", ondelete="RESTRICT"))


@pytest_asyncio.fixture
async def owner(connection: AsyncConnection, session: AsyncSession) -> Owner:
    """An owner with two boxes that contain each other and one item each."""
    await connection.run_sync(PurgeBase.metadata.create_all)
    owner = Owner()
    session.add(owner)
    await session.flush()
    boxes = [Box(owner_id=owner.id), Box(owner_id=owner.id)]
    session.add_all(boxes)
    await session.flush()
    session.add_all([Item(box_id=box.id) for box in boxes])
    boxes[0].outer_id, boxes[1].outer_id = boxes[1].id, boxes[0].id
    await session.flush()
    return owner


async def count(session: AsyncSession, table: str) -> int:
    """Return the number of rows, soft-deleted ones included."""
    rows = PurgeBase.metadata.tables[table]
    return await session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


async def test_row_is_removed_with_its_soft_deleted_references(
    session: AsyncSession, owner: Owner
) -> None:
    for model in (Box, Item):
        await session.execute(sa.update(model).values(is_deleted=True))

    for _ in range(2):
        await remove(session, owner)

    assert [await count(session, table) for table in PurgeBase.metadata.tables] == [0, 0, 0]


async def test_row_in_use_is_not_removed(session: AsyncSession, owner: Owner) -> None:
    with pytest.raises(IntegrityError) as raised:
        await remove(session, owner)

    request = Request({"type": "http", "method": "DELETE"})
    answer = await handle_integrity_error(request, raised.value)
    assert answer.status_code == 409
    assert b'"in_use"' in bytes(answer.body)


async def test_optional_reference_of_a_soft_deleted_row_is_emptied(
    session: AsyncSession, owner: Owner
) -> None:
    first, second = await session.scalars(sa.select(Box).order_by(Box.id))
    second.is_deleted = True
    await session.flush()

    await purge_marked(session, PurgeBase.metadata, "_boxes", [first.id])
    await session.refresh(second)

    assert second.outer_id is None
    assert await count(session, "_items") == 2
