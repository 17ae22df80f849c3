"""Helpers of migrations that `poe migration` writes, in addition to those of `v3.py`.

This file is history, like the migrations that import it: never edit it. An update adds it to a
service that has none and leaves it alone from then on. Other helpers belong in a new file, `v7.py`.
"""

from __future__ import annotations

from alembic import op

from migrations import v3


def add_unique(name: str, table: str, columns: list[str]) -> None:
    """Create a constraint of unique values from an index, which is built while rows are written."""
    if not v3.is_live():
        with op.batch_alter_table(table) as batch:
            batch.create_unique_constraint(name, columns)
    elif not v3.has_constraint(table, name):
        v3.add_index(name, table, columns, unique=True)
        op.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" UNIQUE USING INDEX "{name}"')
        v3.commit()
