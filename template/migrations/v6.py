"""Helpers of migrations that `poe migration` writes, in addition to those of `v3.py`.

This file is history, like the migrations that import it: never edit it. An update adds it to a
service that has none and leaves it alone from then on. Other helpers belong in a new file, `v7.py`.
"""

from __future__ import annotations

from typing import Any

from alembic import op

from migrations import v1, v3


def add_unique(name: str, table: str, columns: list[str]) -> None:
    """Create a constraint of unique values from an index, which is built while rows are written."""
    if not v3.is_live():
        with op.batch_alter_table(table) as batch:
            batch.create_unique_constraint(name, columns)
    elif not v3.has_constraint(table, name):
        v3.add_index(name, table, columns, unique=True)
        op.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" UNIQUE USING INDEX "{name}"')
        v3.commit()


def add_reference(
    name: str, table: str, target: str, columns: list[str], others: list[str], **options: Any
) -> None:
    """Create a reference to some columns of another table; `options` are those of Alembic."""
    if not v3.is_live():
        with op.batch_alter_table(table) as batch:
            batch.create_foreign_key(name, target, columns, others, **options)
    elif not v3.has_constraint(table, name):
        options["postgresql_not_valid"] = True
        op.create_foreign_key(name, table, target, columns, others, **options)
    if v3.is_live():
        v3.validate(table, name)


def drop_column(table: str, column: str) -> None:
    """Drop a column; on PostgreSQL it may be missing, if an earlier attempt dropped it."""
    if v1.on_sqlite():
        v3.drop_columns(table, column)
    else:
        op.drop_column(table, column, if_exists=True)
