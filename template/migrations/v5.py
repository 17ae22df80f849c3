"""Helpers of migrations for vectors, in addition to those in `v1.py` to `v4.py`.

This file is history, like the migrations that import it: never edit it. An update adds it to a
service that has none and leaves it alone from then on. Other helpers belong in a new file, `v6.py`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from migrations import v1, v3

OLDEST = (0, 8)
VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
ERROR_NO_EXTENSION = (
    "Vectors need the extension `vector` (pgvector) of PostgreSQL, and this user cannot create it: "
    "let an administrator run `CREATE EXTENSION vector` in this database, and migrate again"
)
ERROR_OLD = (
    "Vectors need pgvector 0.8 or later, and this database has {version}: update the server, run "
    "`ALTER EXTENSION vector UPDATE`, and migrate again"
)


class Vector(sa.types.UserDefinedType[list[float]]):
    """A column of vectors of a fixed length."""

    cache_ok = True

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: object) -> str:
        return f"VECTOR({self.dimension})"


class Numbers(sa.types.TypeDecorator[list[float]]):
    """A column of vectors that are searched in another store."""

    impl = sa.JSON
    cache_ok = True

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.ARRAY(sa.REAL()))
        return dialect.type_descriptor(sa.JSON())


def enable_vectors() -> None:
    """Create the extension for vectors on PostgreSQL, and require a version that filters well."""
    if v1.on_sqlite():
        return
    if not v3.find(VERSION):
        try:
            op.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except DBAPIError as error:
            raise RuntimeError(ERROR_NO_EXTENSION) from error
    version = v3.find(VERSION)
    if version and tuple(map(int, str(version).split(".")[:2])) < OLDEST:
        raise RuntimeError(ERROR_OLD.format(version=version))
