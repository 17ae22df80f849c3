"""A column returns the value that was stored, on both databases."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.types import JsonList
from tests.db.probe import Sample

CET = dt.timezone(dt.timedelta(hours=1))
VALUES: dict[str, Any] = {
    "name": "tea",
    "count": 3,
    "total": 2**40,
    "ratio": 0.5,
    "price": decimal.Decimal("9999999999.99"),
    "sold_at": dt.datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=CET),
    "lasts": dt.timedelta(days=2, microseconds=1),
    "data": {"a": [1, None]},
    "days": [dt.date(2026, 1, 31)],
}


@pytest.mark.parametrize("values", [VALUES, dict.fromkeys(VALUES)])
async def test_stored_value_is_returned(samples: AsyncSession, values: dict[str, Any]) -> None:
    sample = Sample(**values)
    samples.add(sample)
    await samples.flush()
    samples.expunge_all()

    found = await samples.get_one(Sample, sample.id)

    assert {name: getattr(found, name) for name in values} == values


async def test_time_without_an_offset_is_rejected(samples: AsyncSession) -> None:
    samples.add(Sample(sold_at=dt.datetime(2026, 1, 31)))

    with pytest.raises(StatementError, match="offset from UTC"):
        await samples.flush()


async def test_unique_value_of_a_deleted_row_is_free(samples: AsyncSession) -> None:
    first = Sample(name="tea")
    samples.add(first)
    await samples.flush()
    with pytest.raises(IntegrityError):
        async with samples.begin_nested():
            samples.add(Sample(name="tea"))

    first.is_deleted = True
    await samples.flush()
    samples.add(Sample(name="tea"))
    await samples.flush()

    assert await samples.scalar(sa.select(sa.func.count()).where(Sample.name == "tea")) == 2


@pytest.mark.parametrize(
    ("item", "given", "expected"),
    [
        (dt.datetime, dt.datetime(2026, 1, 31, 9, tzinfo=CET), "2026-01-31T08:00:00Z"),
        (decimal.Decimal, decimal.Decimal("1.50E+2"), "150"),
        (decimal.Decimal, decimal.Decimal("1.50"), "1.50"),
        (decimal.Decimal, decimal.Decimal("-0.0"), "0.0"),
        (decimal.Decimal, decimal.Decimal("1E+999999"), "1E+999999"),
        (dt.date, dt.date(2026, 1, 31), "2026-01-31"),
    ],
)
def test_items_of_a_list_are_normalized(item: type[Any], given: object, expected: str) -> None:
    assert JsonList(item).process_bind_param([given], DefaultDialect()) == [expected]
