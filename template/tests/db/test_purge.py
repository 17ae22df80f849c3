"""Rows that were deleted long ago are removed, unless rows that stay refer to them."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app import purge
from app.db.base import BaseModelMixin, RowMixin, utc_now

YEAR = dt.timedelta(days=365)


class ExpiryBase(DeclarativeBase):
    """A base for tables that refer to one another."""


class Shelf(BaseModelMixin, ExpiryBase):
    """A row that can be in another one."""

    __tablename__ = "_shelves"

    outer_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("_shelves.id", ondelete="RESTRICT")
    )


class Book(BaseModelMixin, ExpiryBase):
    """A row with a required shelf."""

    __tablename__ = "_books"

    shelf_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("_shelves.id", ondelete="RESTRICT"))


class Page(RowMixin, ExpiryBase):
    """A row that is removed with its book."""

    __tablename__ = "_pages"

    book_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("_books.id", ondelete="CASCADE"))


@pytest_asyncio.fixture
async def books(connection: AsyncConnection, session: AsyncSession) -> list[Book]:
    """Two books with a page each, on shelves that are in each other."""
    await connection.run_sync(ExpiryBase.metadata.create_all)
    shelves = [Shelf(), Shelf()]
    session.add_all(shelves)
    await session.flush()
    shelves[0].outer_id, shelves[1].outer_id = shelves[1].id, shelves[0].id
    books = [Book(shelf_id=shelf.id) for shelf in shelves]
    session.add_all(books)
    await session.flush()
    session.add_all([Page(book_id=book.id) for book in books])
    await session.commit()
    return books


async def delete(session: AsyncSession, model: type[BaseModelMixin], age: dt.timedelta) -> None:
    """Mark all rows of a table as deleted some time ago."""
    values = {"is_deleted": True, "updated_at": utc_now() - age}
    await session.execute(sa.update(model).values(values))
    await session.commit()


async def purge_older(sessions: async_sessionmaker[AsyncSession]) -> dict[str, int]:
    """Purge the test tables of what was deleted more than 90 days ago."""
    before = utc_now() - purge.parse_age("90d")
    return dict(await purge.purge(sessions, ExpiryBase.metadata, before))


async def test_expired_rows_are_removed_with_all_that_goes_with_them(
    sessions: async_sessionmaker[AsyncSession],
    session: AsyncSession,
    books: list[Book],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(purge, "BATCH", 1)
    for model in (Shelf, Book):
        await delete(session, model, YEAR)

    assert await purge_older(sessions) == {"_books": 2, "_shelves": 2}
    assert await session.scalar(sa.select(sa.func.count(Page.id))) == 0


async def test_rows_in_use_and_recently_deleted_rows_stay(
    sessions: async_sessionmaker[AsyncSession], session: AsyncSession, books: list[Book]
) -> None:
    await delete(session, Shelf, YEAR)
    assert await purge_older(sessions) == {}

    await delete(session, Book, dt.timedelta(days=89))
    assert await purge_older(sessions) == {}


@pytest.mark.parametrize("age", ["90", "d", "-1d", "90 days"])
def test_invalid_age_is_refused(
    age: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["purge", f"--older-than={age}"])

    with pytest.raises(SystemExit):
        purge.main()
    assert purge.ERROR_AGE in capsys.readouterr().err
