"""Contracts of related rows in responses."""

from __future__ import annotations

import importlib

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api import JSON, assert_problem, count_statements, json_name, page_of, rows_of
from tests.contract.base import Contract
from tests.contract.case import Case


def expandable(case: Case) -> dict[str, str]:
    """Return the relations that can be expanded, with the fields that hold their ids."""
    schemas = importlib.import_module(case.schema.__module__)
    entity = case.schema.__name__.removesuffix("Create")
    row, expanded = (getattr(schemas, f"{entity}{ending}") for ending in ("Read", "Expanded"))
    links = {link.route.replace("-", "_"): field for field, link in case.links.items()}
    found = {
        json_name(name, expanded): links.get(name) or case.named(f"{name}_id")
        for name in expanded.model_fields.keys() - row.model_fields.keys()
    }
    assert found
    return found


async def expanded(client: httpx2.AsyncClient, case: Case, row: JSON) -> JSON:
    """Return a row with all related rows, each read separately."""
    related: JSON = {}
    for name, field in expandable(case).items():
        target = case.relations[field].target
        if field in case.links:
            related[name] = [await target.read(client, {"id": row_id}) for row_id in row[field]]
        else:
            related[name] = row[field] and await target.read(client, {"id": row[field]})
    return row | related


class ExpandContract(Contract):
    """Related rows are part of a response on demand."""

    async def test_related_rows_are_included(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        rows = [await expanded(client, case, row) for row in await case.pair(client)]
        names = list(expandable(case))

        for value in (",".join(names), names):
            page = (await client.get(case.url, params={"expand": value})).json()
            assert page == page_of(rows)
            for row in rows:
                response = await client.get(case.url_of(row), params={"expand": value})
                assert response.json() == row

    async def test_related_rows_take_one_statement_more(
        self, client: httpx2.AsyncClient, engine: AsyncEngine
    ) -> None:
        case = self.case
        await case.pair(client)
        counts = []
        targets = [case.relations[field].target for field in expandable(case).values()]
        allowed = sum(1 + len(target.links) for target in targets)

        for limit in (1, 2):
            for names in ([], list(expandable(case))):
                query = {"limit": limit, "sort": "-id", "expand": names}
                with count_statements(engine) as statements:
                    page = (await client.get(case.url, params=query)).json()
                assert len(rows_of(page)) == limit
                counts.append(len(statements))

        assert counts[:2] == counts[2:]
        assert counts[1] <= counts[0] + allowed

    async def test_unknown_relation_returns_422(self, client: httpx2.AsyncClient) -> None:
        row, _ = await self.case.pair(client)

        for url in (self.case.url, self.case.url_of(row)):
            assert_problem(await client.get(url, params={"expand": "unknown"}), 422, "expand")
