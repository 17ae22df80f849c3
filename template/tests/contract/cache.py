"""Contracts of modules whose rows are cached."""

from __future__ import annotations

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api import assert_problem, count_statements
from tests.contract.base import Contract


class CacheContract(Contract):
    """A row is read from the table once, until it changes."""

    async def test_row_is_kept_until_it_changes(
        self, client: httpx2.AsyncClient, engine: AsyncEngine
    ) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        url, table = case.url_of(row), f"FROM {case.table.name}"

        assert (await client.get(url)).json() == row
        with count_statements(engine) as statements:
            assert (await client.get(url)).json() == row
        assert [statement for statement in statements if table in statement] == []
        changed = await case.update(client, row, await case.body(client, 1))
        assert (await client.get(url)).json() == changed
        assert await case.delete(client, row) == 204
        assert_problem(await client.get(url), 404)
