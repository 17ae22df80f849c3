"""Contract of modules whose rows have versions."""

from __future__ import annotations

import httpx2
import pytest

from tests.api import JSON, assert_problem
from tests.contract.base import Contract
from tests.contract.case import ROUTES


class VersionContract(Contract):
    """A row is changed only in the version that the caller has read."""

    async def change(
        self, client: httpx2.AsyncClient, route: str, row: JSON, tags: str
    ) -> httpx2.Response:
        """Send a change of a row, if it still has one of these versions."""
        method, path = ROUTES[route]
        url = self.case.url + path.format(id=row["id"])
        body = await self.case.body(client, 1)
        return await client.request(method, url, json=body, headers={"If-Match": tags})

    async def test_other_version_returns_412(
        self, client: httpx2.AsyncClient, changing_route: str
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        for tags in ('"0"', 'W/"1"', "1", '"0", W/"1"'):
            assert_problem(await self.change(client, changing_route, row, tags), 412)
        assert await self.case.read(client, row) == row

    @pytest.mark.parametrize("tags", ['"0", "1"', "*"])
    async def test_version_that_was_read_is_changed(
        self, client: httpx2.AsyncClient, changing_route: str, tags: str
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        response = await self.change(client, changing_route, row, tags)

        assert response.status_code == (204 if changing_route == "delete" else 200), response.text

    async def test_version_grows_with_every_change(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))

        changed = await case.update(client, row, await case.body(client, 1))
        unchanged = await case.update(client, row, {})

        differs = case.values(changed) != case.values(row) or case.hides_changes
        assert row["version"] == 1
        assert changed["version"] == unchanged["version"] == (2 if differs else 1)

    async def test_etag_is_the_version(
        self, client: httpx2.AsyncClient, answering_route: str
    ) -> None:
        method, path = ROUTES[answering_route]
        body = await self.case.body(client, 0)
        row = {} if answering_route == "create" else await self.case.create(client, body)
        url = self.case.url + path.format(id=row.get("id"))

        response = await client.request(method, url, json=body)

        assert response.headers["ETag"] == f'"{response.json()["version"]}"'


class VersionedLinkContract(Contract):
    """A new link is a change of the row."""

    async def test_version_grows_with_every_link(
        self, client: httpx2.AsyncClient, link: str
    ) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        linked = await case.links[link].target.row(client, 1)
        url = f"{case.url_of(row)}/{case.links[link].route}/{linked}"

        assert (await client.put(url)).status_code == 204
        added = await case.read(client, row)
        assert (await client.delete(url)).status_code == 204
        removed = await case.read(client, row)

        assert row["version"] < added["version"] < removed["version"]
