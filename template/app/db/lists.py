"""Indexes of lists, from which a page in any order is read without sorting."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.db.base import owner_column

MAX_NAME_LENGTH = 63  # PostgreSQL would cut longer names
TIMES = ("created_at", "updated_at")  # which every list can be sorted and filtered by

# What lists do with a column, as in `mapped_column(sa.String(40), info=FILTERED)`. A list below
# another row has the rows whose column refers to it.
FILTERED: dict[Any, Any] = {"list": "filtered by"}
SORTED: dict[Any, Any] = {"list": "sorted by"}
PARENT: dict[Any, Any] = {"list": "below"}


class Listed:
    """Base of models whose rows are listed. It adds the indexes of the lists to the table.

    `created_at` and `updated_at` also have one, unless the model sets another `info`.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if isinstance(table := getattr(cls, "__table__", None), sa.Table):
            _add_indexes(table, owner_column(table))


def _add_indexes(table: sa.Table, owner: str) -> None:
    """Add indexes that begin with what the rows of a list share: their owner, or one parent."""
    whole = [owner] if owner else []
    lists = [whole, *([parent, *whole] for parent in _marked(table, PARENT))]
    # A deletion looks for all rows that refer to the deleted one, even for those that are deleted.
    for columns in filter(None, lists):
        _add_index(table, columns, is_partial=False)
    filters = [*(name for name in TIMES if not table.c[name].info), *_marked(table, FILTERED)]
    sorts = [[*columns, name] for columns in lists for name in _marked(table, SORTED)]
    for columns in [[*whole, name] for name in filters] + sorts:
        _add_index(table, columns, is_partial="is_deleted" in table.c)


def _marked(table: sa.Table, mark: dict[Any, Any]) -> list[str]:
    return [column.name for column in table.c if column.info == mark]


def _add_index(table: sa.Table, columns: Sequence[str], *, is_partial: bool) -> None:
    name = f"{table.name}_{'_'.join(columns)}_list_idx"
    if len(name) > MAX_NAME_LENGTH:
        name = f"{name[:54]}_{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:8]}"
    live_rows: dict[str, Any] = {
        "postgresql_where": sa.text("NOT is_deleted"),
        "sqlite_where": sa.text("is_deleted = 0"),
    }
    ordered = [table.c[column] for column in [*columns, "id"]]
    sa.Index(name, *ordered, **(live_rows if is_partial else {}))
