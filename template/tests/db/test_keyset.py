"""The pages of a list contain every row once, in order, and invalid cursors are rejected."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Sequence

import pytest
import pytest_asyncio
import sqlalchemy as sa
from fastapi import HTTPException
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.common.schemas import (
    MAX_FILTER_VALUES,
    OMITTED,
    Before,
    Filter,
    From,
    Max,
    Min,
    Null,
    PageQuery,
)
from app.common.types import Instant
from app.db.keyset import Columns, fetch_page, where_matches
from tests.db.probe import Sample

NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
TIMES = ("created_at", "updated_at")
SORTED = ("id", "name", "count", "total", "ratio", "price", "sold_at", "lasts", *TIMES)
FILTERS: Columns = {"name": Sample.name, "total": Sample.total, "sold_at": Sample.sold_at}
LIVE = sa.select(Sample).where(Sample.is_deleted.is_(False))


class SampleQuery(PageQuery):
    """A query with filters."""

    name: Filter[str] = OMITTED
    total: Filter[int] = OMITTED
    total_min: Min[int] = OMITTED
    total_max: Max[int] = OMITTED
    total_null: Null = OMITTED
    sold_at: Filter[Instant] = OMITTED
    sold_at_from: From[Instant] = OMITTED
    sold_at_before: Before[Instant] = OMITTED


@pytest_asyncio.fixture
async def rows(samples: AsyncSession) -> AsyncSession:
    """A session on a table with equal, different and missing values."""
    for number in (2, 1, 2, 10):
        samples.add(
            Sample(
                name=f"n{number}-{uuid.uuid4()}",
                count=number,
                total=number,
                ratio=number / 4,
                price=decimal.Decimal(number),
                sold_at=NOON + dt.timedelta(seconds=number),
                lasts=dt.timedelta(hours=number),
            )
        )
    samples.add_all([Sample(), Sample()])
    await samples.flush()
    return samples


async def walk(session: AsyncSession, sort: str) -> Sequence[Sample]:
    """Return all rows, fetched in pages of two."""
    found: list[Sample] = []
    cursor: str | None = None
    for _ in range(9):
        query = PageQuery(limit=2, cursor=cursor)
        page = await fetch_page(session, LIVE, sort, query)
        found += page.items
        if (cursor := page.next_cursor) is None:
            break
    return found


@pytest.mark.parametrize("sign", ["", "-"])
async def test_pages_together_are_the_sorted_list(rows: AsyncSession, sign: str) -> None:
    for name in SORTED:
        found = await walk(rows, sign + name)

        values = [getattr(row, name) for row in found]
        given = [value for value in values if value is not None]
        assert len({row.id for row in found}) == 6
        assert given == sorted(given, reverse=sign == "-")
        assert values == given + [None] * (6 - len(given))


async def test_cursor_of_another_order_returns_422(rows: AsyncSession) -> None:
    page = await fetch_page(rows, LIVE, "count", PageQuery(limit=1))

    for sort, cursor in (("-count", page.next_cursor), ("count", "%%"), ("count", "e30=")):
        with pytest.raises(HTTPException) as refused:
            await fetch_page(rows, LIVE, sort, PageQuery(cursor=cursor))
        assert refused.value.status_code == 422


async def test_filter_returns_the_rows_with_any_of_its_values(rows: AsyncSession) -> None:
    rows.add_all([Sample(name="tea"), Sample(name="milk")])
    await rows.flush()

    for names in (["tea"], ["tea", "milk"], ["tea", "water"]):
        query = SampleQuery(name=names)
        found = await rows.scalars(where_matches(LIVE, FILTERS, query))
        assert {row.name for row in found} == {*names} - {"water"}
    all_rows = await rows.scalars(where_matches(LIVE, FILTERS, SampleQuery()))
    assert len(all_rows.all()) == 8


async def test_numbers_at_both_ends_are_in_their_range(rows: AsyncSession) -> None:
    query = SampleQuery(total_min=1, total_max=2)

    found = await rows.scalars(where_matches(LIVE, FILTERS, query))

    assert sorted(row.count or 0 for row in found) == [1, 2, 2]


async def test_range_of_times_ends_before_its_end(rows: AsyncSession) -> None:
    query = SampleQuery(sold_at_from=NOON, sold_at_before=NOON + dt.timedelta(seconds=2))

    found = await rows.scalars(where_matches(LIVE, FILTERS, query))

    assert [row.count for row in found] == [1]


async def test_range_that_ends_before_it_begins_is_empty(rows: AsyncSession) -> None:
    query = SampleQuery(total_min=2, total_max=1)

    assert (await rows.scalars(where_matches(LIVE, FILTERS, query))).all() == []


async def test_null_filter_returns_the_rows_without_a_value(rows: AsyncSession) -> None:
    for is_null in (True, False):
        query = SampleQuery(total_null=is_null)
        found = await rows.scalars(where_matches(LIVE, FILTERS, query))
        assert [row.count is None for row in found] == [is_null] * (2 if is_null else 4)


async def test_rows_of_all_pages_are_counted_on_demand(rows: AsyncSession) -> None:
    first = await fetch_page(rows, LIVE, "id", PageQuery(limit=1, count=True))
    query = PageQuery(limit=1, count=True, cursor=first.next_cursor)
    second = await fetch_page(rows, LIVE, "id", query)

    assert [first.total, second.total] == [6, 6]
    assert (await fetch_page(rows, LIVE, "id", PageQuery())).total is None


async def test_every_list_has_a_range_of_times(rows: AsyncSession) -> None:
    found = await walk(rows, "id")
    middle = found[3].created_at

    later = await fetch_page(rows, LIVE, "id", PageQuery(created_at_from=middle))
    earlier = await fetch_page(rows, LIVE, "id", PageQuery(updated_at_before=middle))

    assert [row.id for row in later.items] == [row.id for row in found if row.created_at >= middle]
    assert [row.id for row in earlier.items] == [row.id for row in found if row.updated_at < middle]


def test_number_of_values_is_limited() -> None:
    SampleQuery(name=["tea"] * MAX_FILTER_VALUES)

    with pytest.raises(ValidationError, match="too_long"):
        SampleQuery(name=["tea"] * (MAX_FILTER_VALUES + 1))
