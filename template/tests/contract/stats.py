"""Contracts of modules whose rows are counted and added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from app.common.schemas import Model
from tests.api import JSON, assert_problem, count_statements, json_name
from tests.contract.base import Contract
from tests.contract.case import Case

# What each aggregate is of the values that rows have.
FUNCTIONS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "count": Counter,
    "sum": lambda values: sum(values[1:], values[0]),
    "min": min,
    "max": max,
}


@dataclass(frozen=True, kw_only=True)
class StatsCase(Case):
    """A module with statistics, each of them named after a field and a function."""

    aggregates: Sequence[str]
    stats: type[Model]

    def expected(self, rows: Sequence[JSON]) -> JSON:
        """Return the statistics of some rows, of which each field has a value in one at least."""
        return {name: self._expected(name, rows) for name in self.aggregates}

    def _expected(self, name: str, rows: Sequence[JSON]) -> Any:
        if name == "count":
            return len(rows)
        column, _, function = name.rpartition("_")
        field = self.named(column)
        read = self.returned if field in self.readonly else self.value
        found = [value for row in rows if (value := read(row, field)) is not None]
        return FUNCTIONS[function](found)

    def found(self, response: httpx2.Response) -> JSON:
        """Return the statistics of a response, without the values that no row has."""
        assert response.status_code == 200, response.text
        sent = {json_name(name, self.stats): name for name in self.aggregates}
        named = {sent[name]: value for name, value in response.json().items()}
        values = self.stats.model_validate(named).model_dump()
        return {
            name: +Counter(value) if isinstance(value, dict) else value
            for name, value in values.items()
        }


def stats_case(contract: Contract) -> StatsCase:
    """Return the case of a contract whose module has statistics."""
    assert isinstance(contract.case, StatsCase)
    return contract.case


class StatsContract(Contract):
    """GET returns counts and sums of the rows."""

    async def test_stats_are_those_of_the_rows(
        self, client: httpx2.AsyncClient, engine: AsyncEngine
    ) -> None:
        case = stats_case(self)
        rows = list(await case.pair(client))

        with count_statements(engine) as statements:
            response = await client.get(f"{case.url}/stats")

        assert case.found(response) == case.expected(rows)
        assert len([sent for sent in statements if f"FROM {case.table.name}" in sent]) == 1
        assert await case.delete(client, rows.pop()) == 204
        assert case.found(await client.get(f"{case.url}/stats")) == case.expected(rows)

    async def test_stats_without_rows_are_empty(self, client: httpx2.AsyncClient) -> None:
        case = stats_case(self)

        found = case.found(await client.get(f"{case.url}/stats"))

        assert not [value for value in found.values() if value]

    async def test_stats_have_no_pages(self, client: httpx2.AsyncClient) -> None:
        response = await client.get(f"{self.case.url}/stats", params={"limit": 1})

        assert_problem(response, 422, "limit")


class FilteredStatsContract(Contract):
    """The rows of statistics can be limited by the filters of the list."""

    async def test_stats_of_filtered_rows(self, client: httpx2.AsyncClient, filtered: str) -> None:
        case = stats_case(self)
        rows = await self.swapped(client, filtered)
        value = next(row[filtered] for row in rows if row[filtered] is not None)
        matching = [row for row in rows if row[filtered] == value]

        response = await client.get(f"{case.url}/stats", params={filtered: value})

        assert case.found(response) == case.expected(matching)
