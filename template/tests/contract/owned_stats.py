"""Contract of modules whose rows are counted and have an owner."""

from __future__ import annotations

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession

from tests.contract.base import Contract
from tests.contract.owners import give_away
from tests.contract.stats import stats_case


class OwnedStatsContract(Contract):
    """Rows of another owner are not counted."""

    async def test_rows_of_another_owner_do_not_count(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        case = stats_case(self)
        await case.pair(client)

        await give_away(session)

        found = case.found(await client.get(f"{case.url}/stats"))
        assert not [value for value in found.values() if value]
