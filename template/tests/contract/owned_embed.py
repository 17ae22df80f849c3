"""Contract of modules with an owner whose rows are found by the similarity of their texts."""

from __future__ import annotations

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession

from tests.contract.embed import EmbedContract
from tests.contract.owners import give_away


class OwnedEmbedContract(EmbedContract):
    """Nothing finds the rows of another owner."""

    async def test_similar_rows_of_another_owner_are_not_found(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        case = self.case
        await case.pair(client)
        text = self.text_of(await case.body(client, 0))
        assert len(await self.similarities(client, text)) == 2

        await give_away(session)

        assert await self.similarities(client, text) == {}
