"""Contract of fields that link any number of rows."""

from __future__ import annotations

import uuid

import httpx2

from tests.api import assert_problem, rows_of, walk
from tests.contract.base import Contract


class LinkContract(Contract):
    """Links are replaced as a whole, and added and removed one by one."""

    async def test_links_are_added_and_removed(self, client: httpx2.AsyncClient, link: str) -> None:
        case = self.case
        row, _ = await case.pair(client)
        target = case.links[link].target
        ids = [await target.row(client, number) for number in (0, 1)]
        url = f"{case.url_of(row)}/{case.links[link].route}"

        changed = await case.update(client, row, {link: [*ids, *ids]})

        assert changed[link] == ids
        for expected in (ids[1:], ids[1:]):
            assert (await client.delete(f"{url}/{ids[0]}")).status_code == 204
            assert (await case.read(client, row))[link] == expected
        for expected in (ids, ids):
            assert (await client.put(f"{url}/{ids[0]}")).status_code == 204
            assert (await case.read(client, row))[link] == expected

    async def test_unknown_row_cannot_be_linked(
        self, client: httpx2.AsyncClient, link: str
    ) -> None:
        case, unknown = self.case, str(uuid.uuid4())
        body = await case.body(client, 0)
        row = await case.create(client, body)
        path, known = case.links[link].route, await case.links[link].target.row(client, 0)

        assert_problem(await client.put(f"{case.url_of(row)}/{path}/{unknown}"), 404)
        assert_problem(await client.put(f"{case.url}/{unknown}/{path}/{known}"), 404)
        assert_problem(await client.delete(f"{case.url}/{unknown}/{path}/{known}"), 404)
        for response in await self.send(client, row, body, {link: [unknown]}):
            assert_problem(response, 422, link)


class LinkedContract(Contract):
    """A link ends with the deletion of either row."""

    async def test_deleted_row_is_not_linked(self, client: httpx2.AsyncClient, link: str) -> None:
        row, target_id = await self.refer(client, link)
        assert row[link] == [target_id]

        status = await self.case.links[link].target.delete(client, {"id": target_id})

        assert status == 204
        assert (await self.case.read(client, row))[link] == []


class LinkFilterContract(Contract):
    """The list can be filtered by the rows that its rows link."""

    async def test_filter_returns_the_rows_that_link_any_of_the_values(
        self, client: httpx2.AsyncClient, link_filter: str
    ) -> None:
        case, unknown = self.case, str(uuid.uuid4())
        row, target_id = await self.refer(client, link_filter)

        for ids in ([target_id], [unknown, target_id], [unknown]):
            page = (await client.get(case.url, params={case.links[link_filter].filter: ids})).json()
            found = [row["id"] for row in rows_of(page)]
            assert found == ([row["id"]] if target_id in ids else [])


class LinkCollectionContract(Contract):
    """Rows are listed below each row that they link."""

    async def test_rows_are_listed_below_the_rows_they_link(
        self, client: httpx2.AsyncClient, link_below: str
    ) -> None:
        case = self.case
        row, target_id = await self.refer(client, link_below)
        url = case.url_below(link_below, target_id)

        assert await walk(client, url, "id") == [row["id"]]
        assert await walk(client, url, "-created_at") == [row["id"]]
        assert await case.delete(client, row) == 204
        assert await walk(client, url, "id") == []
        assert_problem(await client.get(case.url_below(link_below, str(uuid.uuid4()))), 404)
