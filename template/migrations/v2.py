"""Helpers of migrations, in addition to those in `v1.py`.

This file is history, like the migrations that import it: never edit it. An update adds it to a
service that has none and leaves it alone from then on. Other helpers belong in a new file, `v3.py`.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import sqlalchemy as sa

from migrations import v1

_INDEXES = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :name")
_EXPRESSION = re.compile(r"\((?:.*\W)?\w+\(")
_DROPPED = re.compile(r'DROP TABLE "?(\w+)')
_COPIED = re.compile(r'ALTER TABLE "?_alembic_tmp_(\w+)"? RENAME TO')


def keep_expression_indexes(connection: sa.Connection) -> None:
    """Create indexes of expressions again when SQLite copied a table: Alembic cannot read them."""
    warnings.filterwarnings("ignore", message=".*expression-based index")
    found: dict[str, list[str]] = {}

    @sa.event.listens_for(connection, "before_cursor_execute")
    def remember(conn: sa.Connection, _: Any, statement: str, *more: Any) -> None:
        if dropped := _DROPPED.match(statement.strip()):
            created = conn.scalars(_INDEXES, {"name": dropped[1]}).all()
            found[dropped[1]] = [sql for sql in created if sql and _EXPRESSION.search(sql)]

    @sa.event.listens_for(connection, "after_cursor_execute")
    def restore(conn: sa.Connection, _: Any, statement: str, *more: Any) -> None:
        if copied := _COPIED.match(statement.strip()):
            for sql in found.pop(copied[1], []):
                conn.exec_driver_sql(sql.replace(" INDEX ", " INDEX IF NOT EXISTS ", 1))


def refuse_repetitions(table: str, values: list[str], rows: sa.ColumnElement[bool]) -> None:
    """Raise if some of these rows have the same values, which are expressions of SQL."""
    expressions: list[sa.ColumnElement[Any]] = [sa.literal_column(value) for value in values]
    chosen: sa.Select[Any] = sa.select(*expressions).select_from(sa.table(table)).where(rows)
    repeated = chosen.group_by(*expressions).having(sa.func.count() > 1)
    duplicates = sa.and_(rows, sa.tuple_(*expressions).in_(repeated))
    v1.refuse(table, ", ".join(values), duplicates, "must be unique")
