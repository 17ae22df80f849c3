"""Indexes of lists, from which a page in any order is read without sorting."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.db.base import owner_column

MAX_NAME_LENGTH = 63  # PostgreSQL would cut longer names
TIMES = ("created_at", "updated_at")  # which every list can be sorted and filtered by

# What lists do with a column, as in `mapped_column(sa.String(40), info=FILTERED)`. A choice is a filter
# that has few values. A list below another row has the rows whose column refers to it.
Mark = dict[Any, Any]
FILTERED: Mark = {"is_filter": True}
SORTED: Mark = {"is_order": True}
CHOICE: Mark = {"is_filter": True, "is_choice": True}
PARENT: Mark = {"is_parent": True}


class Listed:
    """Base of models whose rows are listed. It adds the indexes of the lists to the table.

    `created_at` and `updated_at` also have one, unless the model sets another `info`.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if isinstance(table := getattr(cls, "__table__", None), sa.Table):
            _add_indexes(table, owner_column(table))


def _add_indexes(table: sa.Table, owner: str) -> None:
    """Add indexes that begin with what the rows of a list share: an owner, a parent, a choice."""
    owned = [owner] if owner else []
    below = [[parent, *owned] for parent in _marked(table, PARENT)]
    # A deletion looks for all rows that refer to the deleted one, even for those that are deleted.
    for columns in filter(None, [owned, *below]):
        _add_index(table, columns, is_partial=False)
    times = [name for name in TIMES if not table.c[name].info]
    indexes = [[*owned, name] for name in _marked(table, FILTERED)]
    orders = times + _marked(table, SORTED)
    for shared in [owned, *below]:
        indexes += [[*shared, name] for name in orders if name not in shared]
    for choice in _marked(table, CHOICE):
        indexes += [[choice, *owned, name] for name in _marked(table, SORTED) if name != choice]
    for columns in {tuple(columns): columns for columns in indexes}.values():
        _add_index(table, columns, is_partial="is_deleted" in table.c)


def _marked(table: sa.Table, mark: Mark) -> list[str]:
    return [column.name for column in table.c if mark.items() <= column.info.items()]


def _add_index(table: sa.Table, columns: Sequence[str], *, is_partial: bool) -> None:
    live_rows: dict[str, Any] = {
        "postgresql_where": sa.text("NOT is_deleted"),
        "sqlite_where": sa.text("is_deleted = 0"),
    }
    name = index_name(table.name, *columns, "list_idx")
    ordered = [table.c[column] for column in [*columns, "id"]]
    sa.Index(name, *ordered, **(live_rows if is_partial else {}))


def index_name(*words: str) -> str:
    """Return the name of an index; a hash makes one that is cut unique."""
    name = "_".join(words)
    if len(name) <= MAX_NAME_LENGTH:
        return name
    return f"{name[:54]}_{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:8]}"
