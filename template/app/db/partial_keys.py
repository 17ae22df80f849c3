"""Unique indexes of the rows that meet a condition."""

from __future__ import annotations

import re
from hashlib import sha1

import sqlalchemy as sa


def partial_key(table: str, *columns: str, where: str) -> sa.Index:
    """Return a unique index of the rows that are not deleted and meet a condition of SQL.

    The name tells the condition from others, so that `poe migration` finds it when it changes.
    """
    label = sha1(where.encode(), usedforsecurity=False).hexdigest()[:8]
    names = re.sub(r"lower\((\w+)\)", r"\1", "_".join(columns))
    return sa.Index(
        f"{table}_{names}_{label}_key",
        *(sa.text(column) if "(" in column else column for column in columns),
        unique=True,
        postgresql_where=sa.text(f"NOT is_deleted AND ({where})"),
        sqlite_where=sa.text(f"is_deleted = 0 AND ({where})"),
    )
