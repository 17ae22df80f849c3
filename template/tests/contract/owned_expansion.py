"""Contract of related rows of modules whose rows belong to an owner."""

from __future__ import annotations

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession

from tests.api import assert_problem, page_of
from tests.contract.base import Contract
from tests.contract.expansion import expandable
from tests.contract.owners import give_away


class OwnedExpandContract(Contract):
    """Related rows are part of a row of the same owner."""

    async def test_rows_of_another_owner_are_not_expanded(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        case = self.case
        _, row = await case.pair(client)
        query = {"expand": list(expandable(case))}
        await give_away(session)

        assert (await client.get(case.url, params=query)).json() == page_of([])
        assert_problem(await client.get(case.url_of(row), params=query), 404)
