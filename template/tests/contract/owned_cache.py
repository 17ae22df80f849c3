"""Contract of modules whose rows are cached and have an owner."""

from __future__ import annotations

import uuid

import httpx2

from app.infrastructure import tokens
from app.infrastructure.tokens import Claims
from tests.api import assert_problem
from tests.contract.base import Contract
from tests.contract.owners import OTHER_OWNER


class OwnedCacheContract(Contract):
    """A row in the cache is only that of its owner."""

    async def test_kept_row_of_another_owner_returns_404(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        url = case.url_of(row)
        assert (await client.get(url)).status_code == 200

        token = tokens.issue(Claims(OTHER_OWNER, session_id=uuid.uuid4(), version=0))
        client.headers["Authorization"] = f"Bearer {token}"
        for theirs in (url, url.replace(str(case.owner), str(OTHER_OWNER))):
            assert_problem(await client.get(theirs), 404)
