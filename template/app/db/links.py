"""Links between the rows of two tables (many-to-many): tables of pairs of ids."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, selectinload

from app.db.base import utc_now
from app.db.stored import Values, save_row

Row = TypeVar("Row", bound=DeclarativeBase)
Links = Mapping[str, sa.Table]
INSERTS: Mapping[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def link_table(metadata: sa.MetaData, table: str, field: str, target: str) -> sa.Table:
    """Return the table that links rows of `table` to rows of `target` for one field."""
    return sa.Table(
        f"{table}__{field}",
        metadata,
        _end("item_id", table),
        _end("other_id", target, index=True),
    )


def linked_ids(relationship: str) -> property:
    """Return a property with the ids of linked rows, which must be loaded."""
    return property(lambda row: [other.id for other in getattr(row, relationship)])


def live_links(links: str, target: str) -> str:
    """Return the join of links with the target rows that are not deleted."""
    return f"and_({target}.id == {links}.c.other_id, not_({target}.is_deleted))"


def with_links(statement: sa.Select[Row]) -> sa.Select[Row]:
    """Load the linked rows of the selected model, each relationship with one more statement."""
    model = statement.column_descriptions[0]["entity"]
    return statement.options(*(selectinload(getattr(model, name)) for name in _linked(model)))


async def save_linked(
    session: AsyncSession,
    row: DeclarativeBase,
    values: Values,
    links: Links,
    *,
    touch: bool = False,
) -> None:
    """Write values to a row and replace its links, and give it what the database returns.

    Args:
        values: those of columns, and the ids of linked rows by the names in `links`.
        touch: whether a change of its links is a change of the row.
    """
    columns = {name: value for name, value in values.items() if name not in links}
    if touch and len(columns) < len(values) and row in session:
        columns["updated_at"] = utc_now()
    await save_row(session, row, columns)
    (row_id,) = sa.inspect(row).identity or ()
    for name in sorted(values.keys() & links.keys()):  # one order: no request waits for another
        await replace_links(session, links[name], row_id, values[name])
    await session.refresh(row, _linked(type(row)))


async def replace_links(
    session: AsyncSession, links: sa.Table, item_id: uuid.UUID, others: Collection[uuid.UUID]
) -> None:
    """Replace all links of a row."""
    await session.execute(sa.delete(links).where(links.c.item_id == item_id))
    pairs = [{"item_id": item_id, "other_id": other} for other in sorted({*others})]
    if pairs:
        await session.execute(sa.insert(links), pairs)


async def add_link(
    session: AsyncSession, links: sa.Table, item_id: uuid.UUID, other_id: uuid.UUID
) -> None:
    """Link two rows; does nothing if they are linked already, also by a concurrent request."""
    insert = INSERTS[session.get_bind().dialect.name]
    pair = insert(links).values(item_id=item_id, other_id=other_id)
    await session.execute(pair.on_conflict_do_nothing())


async def remove_link(
    session: AsyncSession, links: sa.Table, item_id: uuid.UUID, other_id: uuid.UUID
) -> None:
    """Remove the link between two rows, if there is one."""
    pair = sa.and_(links.c.item_id == item_id, links.c.other_id == other_id)
    await session.execute(sa.delete(links).where(pair))


def _linked(model: type[DeclarativeBase]) -> list[str]:
    """Return the names of the relationships that are links."""
    relationships = sa.inspect(model).relationships
    return [relation.key for relation in relationships if relation.secondary is not None]


def _end(name: str, target: str, *, index: bool = False) -> sa.Column[uuid.UUID]:
    key = sa.ForeignKey(f"{target}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Uuid(), key, primary_key=True, index=index)
