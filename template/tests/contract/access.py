"""Contract of modules some or all of whose routes are for users."""

from __future__ import annotations

import uuid

import httpx2
import pytest

from tests.contract.base import Contract
from tests.modules.users.factory import signed_in


@pytest.mark.usefixtures("as_administrator")
class AccessContract(Contract):
    """Some routes, or all, are for users alone."""

    async def test_only_open_routes_need_no_token(self, client: httpx2.AsyncClient) -> None:
        user = await signed_in(client)
        routes = self.routes(str(uuid.uuid4()))
        assert routes

        for method, url in routes:
            response = await client.request(method, url, headers={"Authorization": ""})
            is_read = method == "get" and "/users/" not in url  # rows below a user are private
            is_open = is_read and self.case.access == "user-write"
            assert (response.status_code != 401) == is_open, f"{method} {url}"
            response = await client.request(method, url, headers=user)
            assert response.status_code != 401, f"{method} {url}"
