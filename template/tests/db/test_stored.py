"""A row that was written has the values that the database returns."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.stored import save_row
from tests.db.probe import Sample

HOUR = dt.timezone(dt.timedelta(hours=1))


async def test_values_are_those_that_the_database_returns(samples: AsyncSession) -> None:
    sample = Sample(name="cup")
    values = {
        "name": "tea",
        "count": 1,
        "ratio": 0.1,
        "price": Decimal("1.5"),
        "sold_at": dt.datetime(2026, 1, 31, 0, 30, tzinfo=HOUR),
        "lasts": dt.timedelta(days=1, microseconds=1),
        "data": {"b": 1.50, "a": None},
        "days": [dt.date(2026, 1, 31)],
    }

    await save_row(samples, sample, values)
    names = sa.inspect(Sample).column_attrs.keys()
    known = {name: repr(getattr(sample, name)) for name in names}

    samples.expire(sample)
    await samples.execute(sa.select(Sample).execution_options(populate_existing=True))
    assert known == {name: repr(getattr(sample, name)) for name in known}
    assert (known["name"], known["price"]) == ("'tea'", "Decimal('1.50')")
