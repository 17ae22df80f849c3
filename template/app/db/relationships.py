"""Relationships of tables with soft deletion."""

from __future__ import annotations


def live_rows(entity: str, other: str, column: str) -> str:
    """Return the join of `entity` with rows of `other` that refer to it and are not deleted."""
    refers = f"{entity}.id == remote(foreign({other}.{column}))"
    return f"and_({refers}, not_(remote({other}.is_deleted)))"
