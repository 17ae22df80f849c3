"""Contracts of the six routes and of deletion."""

from __future__ import annotations

import uuid

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tests.api import assert_problem, count_statements, cursor_of, json_name, page_of, rows_of, walk
from tests.contract.base import Contract

UNKNOWN_FIELD = {"unknown_field": "alpha"}


class CreateContract(Contract):
    """POST creates a row."""

    async def test_created_row_has_the_values_sent(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)

        response = await client.post(self.case.url, json=body)

        assert response.status_code == 201, response.text
        assert self.case.values(response.json()) == self.case.values(body)

    async def test_create_rejects_an_unknown_field(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)

        response = await client.post(self.case.url, json=body | UNKNOWN_FIELD)

        assert_problem(response, 422, *UNKNOWN_FIELD)


class ReadContract(Contract):
    """GET returns one row."""

    async def test_created_row_can_be_read(self, client: httpx2.AsyncClient) -> None:
        rows = await self.case.pair(client)

        for row in rows:
            response = await client.get(self.case.url_of(row))
            assert response.status_code == 200, response.text
            assert response.json() == row

    async def test_unknown_row_returns_404(self, client: httpx2.AsyncClient) -> None:
        assert_problem(await client.get(f"{self.case.url}/{uuid.uuid4()}"), 404)

    async def test_deleted_row_returns_404(self, client: httpx2.AsyncClient) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        assert await self.case.delete(client, row) == 204

        assert_problem(await client.get(self.case.url_of(row)), 404)


class ListContract(Contract):
    """GET returns pages of rows, in the order of creation or backwards."""

    async def test_pages_follow_the_order_of_creation(self, client: httpx2.AsyncClient) -> None:
        first, second = [row["id"] for row in await self.case.pair(client)]

        for sort in map(json_name, ("id", "created_at", "updated_at")):
            assert await walk(client, self.case.url, sort) == [first, second]
            assert await walk(client, self.case.url, f"-{sort}") == [second, first]

    async def test_rows_are_listed_by_their_times(self, client: httpx2.AsyncClient) -> None:
        first, second = await self.case.pair(client)

        for field in ("created_at", "updated_at"):
            for ending, row in (("from", second), ("before", first)):
                query = {json_name(f"{field}_{ending}"): second[json_name(field)]}
                page = (await client.get(self.case.url, params=query)).json()
                assert rows_of(page) == [row]

    async def test_listed_rows_are_complete(self, client: httpx2.AsyncClient) -> None:
        rows = await self.case.pair(client)

        response = await client.get(self.case.url)

        assert response.status_code == 200, response.text
        assert response.json() == page_of(rows)

    async def test_rows_of_all_pages_are_counted_on_demand(
        self, client: httpx2.AsyncClient
    ) -> None:
        first, _ = await self.case.pair(client)

        response = await client.get(self.case.url, params={"limit": 1, "count": True})

        page = response.json()
        assert page == page_of([first], cursor_of(page), total=2)

    async def test_deleted_row_is_not_listed(self, client: httpx2.AsyncClient) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        assert await self.case.delete(client, row) == 204

        page = (await client.get(self.case.url)).json()
        assert page == page_of([])

    async def test_cursor_of_another_order_returns_422(self, client: httpx2.AsyncClient) -> None:
        await self.case.pair(client)
        page = (await client.get(self.case.url, params={"limit": 1})).json()
        cursor = cursor_of(page)
        assert cursor is not None

        orders = [{"cursor": cursor, "sort": sort} for sort in ("-id", "created_at")]
        for query in (*orders, {"cursor": cursor[:-8]}, {"cursor": "é"}):
            response = await client.get(self.case.url, params=query)
            assert_problem(response, 422, "cursor")
            assert response.json()["code"] == "invalid_cursor"

    async def test_unknown_sort_returns_422(self, client: httpx2.AsyncClient) -> None:
        response = await client.get(self.case.url, params={"sort": "unknown_field"})

        assert_problem(response, 422, "sort")

    async def test_repeated_value_returns_422(self, client: httpx2.AsyncClient) -> None:
        response = await client.get(f"{self.case.url}?limit=1&limit=2&sort=id&sort=id")

        assert_problem(response, 422, "limit", "sort")

    async def test_statements_do_not_grow_with_the_rows(
        self, client: httpx2.AsyncClient, engine: AsyncEngine
    ) -> None:
        await self.case.pair(client)
        counts = []

        for limit in (1, 2):
            with count_statements(engine) as statements:
                page = (await client.get(self.case.url, params={"limit": limit})).json()
            assert len(rows_of(page)) == limit
            counts.append(len(statements))

        assert counts[0] == counts[1]


class ReplaceContract(Contract):
    """PUT replaces a row."""

    async def test_put_replaces_all_values(self, client: httpx2.AsyncClient) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))
        body = await self.case.body(client, 1)

        response = await client.put(self.case.url_of(row), json=body)

        assert response.status_code == 200, response.text
        assert self.case.values(response.json()) == self.case.values(body)
        assert response.json()["id"] == row["id"]
        assert await self.case.read(client, row) == response.json()

    async def test_put_rejects_an_unknown_field(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)
        row = await self.case.create(client, body)

        response = await client.put(self.case.url_of(row), json=body | UNKNOWN_FIELD)

        assert_problem(response, 422, *UNKNOWN_FIELD)

    async def test_put_of_a_deleted_row_returns_404(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)
        row = await self.case.create(client, body)

        assert await self.case.delete(client, row) == 204

        assert_problem(await client.put(self.case.url_of(row), json=body), 404)


class UpdateContract(Contract):
    """PATCH changes a row."""

    async def test_patch_changes_only_the_fields_sent(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        body = await case.body(client, 0)
        row = await case.create(client, body)
        second = await case.body(client, 1)

        for fields in ([], case.checked, *([field] for field in second)):
            changes = {field: second[field] for field in fields}
            body |= changes
            response = await client.patch(case.url_of(row), json=changes)
            assert response.status_code == 200, response.text
            assert case.values(response.json()) == case.values(body)
            assert await case.read(client, row) == response.json()

    async def test_patch_rejects_an_unknown_field(self, client: httpx2.AsyncClient) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        response = await client.patch(self.case.url_of(row), json=UNKNOWN_FIELD)

        assert_problem(response, 422, *UNKNOWN_FIELD)

    async def test_patch_of_a_deleted_row_returns_404(self, client: httpx2.AsyncClient) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        assert await self.case.delete(client, row) == 204

        assert_problem(await client.patch(self.case.url_of(row), json={}), 404)


class DeleteContract(Contract):
    """DELETE deletes one row, once."""

    async def test_row_is_deleted_once(self, client: httpx2.AsyncClient) -> None:
        first, second = await self.case.pair(client)

        response = await client.delete(self.case.url_of(second))

        assert response.status_code == 204, response.text
        assert response.content == b""
        assert_problem(await client.delete(self.case.url_of(second)), 404)
        assert [row["id"] for row in await self.case.stored()] == [first["id"]]


class SoftDeleteContract(Contract):
    """A deleted row is kept and marked."""

    async def test_deleted_row_is_kept(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        assert await self.case.delete(client, row) == 204

        marks = await session.scalars(sa.select(self.case.table.c.is_deleted))
        assert list(marks) == [True]


class HardDeleteContract(Contract):
    """A deleted row is removed."""

    async def test_deleted_row_is_removed(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        assert await self.case.delete(client, row) == 204

        count = await session.scalar(sa.select(sa.func.count()).select_from(self.case.table))
        assert count == 0
