"""Relationships that know about deleted rows."""

from __future__ import annotations


def live_rows(entity: str, other: str, column: str) -> str:
    """Join an entity with the rows of another that refer to it by a column and are not deleted."""
    refers = f"{entity}.id == remote(foreign({other}.{column}))"
    return f"and_({refers}, not_(remote({other}.is_deleted)))"
