"""Vectors, and the rows whose vectors are nearest to one.

Each column of vectors has an HNSW index for the cosine distance, for which the database needs the
extension `vector` (pgvector) in version 0.8 or a later one. SQLite stores vectors, and finds none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.base import ischema_names as postgresql_names
from sqlalchemy.dialects.sqlite.base import ischema_names as sqlite_names
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.db.keyset import Rows
from app.db.lists import index_name

# How many rows a search in the index compares: more find more of the nearest, and take longer.
# It is read on until enough of them meet the conditions, in the order of their distance.
SEARCH_WIDTH = 200
ITERATE = sa.select(
    sa.func.set_config("hnsw.iterative_scan", "strict_order", True),
    sa.func.set_config("hnsw.ef_search", str(SEARCH_WIDTH), True),
)


class Vector(sa.types.UserDefinedType[list[float]]):
    """A vector of a fixed length, sent to the database as text."""

    cache_ok = True

    def __init__(self, dimension: int | str) -> None:
        self.dimension = int(dimension)

    def get_col_spec(self, **_: object) -> str:
        return f"VECTOR({self.dimension})"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        return lambda value: None if value is None else json.dumps(value, allow_nan=False)

    def bind_expression(self, bindvalue: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(sa.cast(bindvalue, sa.Text()), self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return lambda value: json.loads(value) if isinstance(value, str) else value

    def render(self, imports: set[str]) -> str:
        """Return the type as migrations have it, and add its import."""
        imports.add("from migrations.v5 import Vector")
        return f"Vector({self.dimension})"


# The types of columns that Alembic compares with those of the models.
postgresql_names["vector"] = sqlite_names["VECTOR"] = Vector


@event.listens_for(sa.Table, "after_parent_attach")
def _add_indexes(table: sa.Table, _: sa.MetaData) -> None:
    """Add the index of each column of vectors. It covers the rows that are not deleted."""
    is_partial = {"postgresql_where": sa.text("NOT is_deleted")}
    live_rows: dict[str, Any] = is_partial if "is_deleted" in table.c else {}
    for column in table.c:
        if isinstance(column.type, Vector):
            sa.Index(
                index_name(table.name, column.name, "vector_idx"),
                column,
                postgresql_using="hnsw",
                postgresql_ops={column.name: "vector_cosine_ops"},
                sqlite_where=sa.text("0"),
                **live_rows,
            )


@dataclass(frozen=True)
class Nearest:
    """A row, and how similar its vector is."""

    row: Any
    similarity: float

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


async def fetch_nearest(
    session: AsyncSession,
    statement: sa.Select[Any],
    column: InstrumentedAttribute[Any],
    vector: Sequence[float],
    limit: int,
) -> Rows[Nearest]:
    """Fetch the selected rows whose vectors are nearest to one, in the order of their distance.

    The index can end before it has found enough rows that meet the conditions of the statement: if
    it does, all of those rows are compared.
    """
    target = sa.literal(vector, column.type)
    distance: sa.ColumnElement[float] = column.op("<=>", return_type=sa.Double())(target)
    statement = statement.where(column.is_not(None)).add_columns(distance).limit(limit)
    await session.execute(ITERATE)
    found = (await session.execute(statement.order_by(distance))).all()
    if len(found) < limit:
        without_index = distance + sa.literal(0.0)
        found = (await session.execute(statement.order_by(without_index))).all()
    return Rows([Nearest(row, 1 - away) for row, away in found], None, None)
