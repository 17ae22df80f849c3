"""A search finds a text anywhere in a column, and wildcards in it have no meaning."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.search import where_contains
from tests.db.probe import Sample

NAMES = ["Green tea", "100 % wool", "snake_case", "back\\slash", "a/b", None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TEA", ["Green tea"]),
        ("green", ["Green tea"]),
        ("%", ["100 % wool"]),
        ("_", ["snake_case"]),
        ("\\", ["back\\slash"]),
        ("/", ["a/b"]),
        ("e", ["Green tea", "snake_case"]),
        ("milk", []),
        (None, NAMES),
    ],
)
async def test_search_returns_the_rows_with_the_text(
    samples: AsyncSession, text: str | None, expected: list[str]
) -> None:
    samples.add_all([Sample(name=name) for name in NAMES])
    await samples.flush()

    rows = sa.select(Sample).order_by(Sample.id)
    found = await samples.scalars(where_contains(rows, {"name": Sample.name}, text))

    assert [row.name for row in found] == expected
