"""Every list of a table has an index in each of its orders."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.base import BaseModelMixin, RowMixin
from app.db.lists import CHOICE, FILTERED, PARENT, SORTED, Listed

OWNER = {"is_owner": True}


class Base(DeclarativeBase):
    """A separate base, so that Alembic does not see the tables."""


class Cup(BaseModelMixin, Listed, Base):
    __tablename__ = "_cups"

    shelf_id: Mapped[uuid.UUID] = mapped_column(sa.Uuid(), info=PARENT)
    name: Mapped[str] = mapped_column(sa.String(40), info=SORTED)
    color: Mapped[str] = mapped_column(sa.String(40), info=FILTERED)
    size: Mapped[str] = mapped_column(sa.String(40), info=CHOICE | SORTED)


class Note(RowMixin, Listed, Base):
    __tablename__ = "_notes_of_a_table_with_a_very_long_name"

    updated_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(), info={"list": "unordered"})
    user_id: Mapped[uuid.UUID] = mapped_column(sa.Uuid(), info=OWNER)
    shelf_id: Mapped[uuid.UUID] = mapped_column(sa.Uuid(), info=PARENT)
    title: Mapped[str] = mapped_column(sa.String(40), info=SORTED)


def indexes(model: type[Base]) -> dict[tuple[str, ...], sa.Index]:
    """Return the indexes of a model by their columns."""
    table = model.__table__
    assert isinstance(table, sa.Table)
    return {tuple(column.name for column in index.columns): index for index in table.indexes}


def test_list_has_an_index_for_each_order_and_filter() -> None:
    assert {*indexes(Cup)} == {
        ("created_at", "id"),
        ("updated_at", "id"),
        ("name", "id"),
        ("color", "id"),
        ("size", "id"),
        ("size", "name", "id"),
        ("shelf_id", "id"),
        ("shelf_id", "created_at", "id"),
        ("shelf_id", "updated_at", "id"),
        ("shelf_id", "name", "id"),
        ("shelf_id", "size", "id"),
    }


def test_lists_of_an_owner_have_indexes_that_begin_with_the_owner() -> None:
    assert {*indexes(Note)} == {
        ("user_id", "id"),
        ("user_id", "created_at", "id"),
        ("user_id", "title", "id"),
        ("shelf_id", "user_id", "id"),
        ("shelf_id", "user_id", "created_at", "id"),
        ("shelf_id", "user_id", "title", "id"),
    }


def test_index_of_a_list_has_the_rows_that_are_not_deleted() -> None:
    found = indexes(Cup)

    assert str(found["name", "id"].dialect_options["sqlite"]["where"]) == "is_deleted = 0"
    assert found["shelf_id", "id"].dialect_options["sqlite"]["where"] is None
    assert indexes(Note)["user_id", "title", "id"].dialect_options["sqlite"]["where"] is None


def test_long_names_of_indexes_are_cut_and_differ() -> None:
    names = [str(index.name) for index in indexes(Note).values()]

    assert max(map(len, names)) == 63
    assert len({*names}) == len(names)
