"""Contract of modules with an owner whose similar rows can be found by tools."""

from __future__ import annotations

import httpx2

from tests.contract.owned_tools import require_unreachable
from tests.contract.similar_tools import SimilarToolContract, similar_tools
from tests.vectors import settle


class OwnedSimilarToolContract(SimilarToolContract):
    """Tools find no similar rows of another owner."""

    async def test_similar_rows_of_others_are_not_found_by_tools(
        self, client: httpx2.AsyncClient
    ) -> None:
        row, _ = await self.case.pair(client)
        await settle()
        await require_unreachable(self.case, client, similar_tools(self.case), row)
