"""Contracts of modules whose rows refer to users and have no owner."""

from __future__ import annotations

import httpx2
import pytest

from tests.api import assert_problem
from tests.contract.base import Contract
from tests.modules.users.factory import bearer, sign_in


@pytest.mark.usefixtures("as_administrator")
class UserRowsContract(Contract):
    """The rows below a user are for that user and for administrators."""

    async def test_rows_below_a_user_are_private(self, client: httpx2.AsyncClient) -> None:
        _, row = await self.case.pair(client)
        users = {name: bearer(await sign_in(client, name)) for name in ("first", "second")}
        urls = [
            self.case.url_below(name, row[name][0] if name in self.case.links else row[name])
            for name, relation in self.case.relations.items()
            if relation.below and relation.target.url.endswith("/users")
        ]
        assert urls

        for url in urls:
            own = await client.get(url, headers=users["second"])
            assert own.status_code == 200
            assert row["id"] in own.text
            assert_problem(await client.get(url, headers=users["first"]), 403)
            assert_problem(await client.get(url, headers={"Authorization": ""}), 401)
