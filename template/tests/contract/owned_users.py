"""Contract of modules whose rows belong to a user and refer to users."""

from __future__ import annotations

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession

from tests.contract.base import Contract
from tests.contract.owners import OTHER_OWNER, give_away
from tests.modules.users.case import CASE as USERS


class OwnedDeletionContract(Contract):
    """The rows of a user are deleted with the user."""

    async def test_rows_are_deleted_with_their_owner(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        case = self.case
        await case.pair(client)
        await give_away(session)
        own = await case.create(client, await case.body(client, 0))

        status = await USERS.delete(client, {"id": str(OTHER_OWNER)})

        assert status == 204
        assert [row["id"] for row in await case.stored()] == [own["id"]]
