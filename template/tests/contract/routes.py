"""Contracts of modules without all routes: the others are not served, but the service has them."""

from __future__ import annotations

import uuid

import httpx2
import pytest
from fastapi import HTTPException

from tests.api import assert_problem, rows_of
from tests.contract.base import Contract
from tests.contract.case import ROUTES


class MissingRoutesContract(Contract):
    """A missing route answers 405, or 404 where its path has no route at all."""

    async def test_missing_route_is_not_served(
        self, client: httpx2.AsyncClient, missing_route: str
    ) -> None:
        method, path = ROUTES[missing_route]
        url = self.case.url + path.format(id=uuid.uuid4())
        has_path = path in {ROUTES[route][1] for route in self.case.routes}

        response = await client.request(method, url)

        assert_problem(response, 405 if has_path else 404)


class ReadServiceContract(Contract):
    """The service returns a row that no route returns."""

    async def test_service_returns_a_row(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        _, row = await case.pair(client)

        assert await case.serve("get", uuid.UUID(row["id"])) == row
        for name, reference in case.references.items():
            if reference.is_single:
                method = f"get_by_{case.attribute(name).removesuffix('_id')}"
                assert await case.serve(method, uuid.UUID(row[name])) == row
        with pytest.raises(HTTPException, match="404"):
            await case.serve("get", uuid.uuid4())


class ListServiceContract(Contract):
    """The service returns pages that no route returns."""

    async def test_service_returns_pages(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        rows = await case.pair(client)
        query = case.query()

        page = await case.serve("list_page", query)

        assert rows_of(page) == list(rows)
        for name, reference in case.references.items():
            if not reference.is_single:
                method = f"list_page_by_{case.attribute(name).removesuffix('_id')}"
                page = await case.serve(method, uuid.UUID(rows[1][name]), query)
                assert rows_of(page) == [row for row in rows if row[name] == rows[1][name]]


class ReplaceServiceContract(Contract):
    """The service replaces a row that no route replaces."""

    async def test_service_replaces_a_row(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        values = case.values(await case.body(client, 1))

        replaced = await case.serve("replace", uuid.UUID(row["id"]), values)

        assert case.values(replaced) == values


class LinkServiceContract(Contract):
    """The service adds and removes links that no route adds or removes."""

    async def test_service_adds_and_removes_a_link(
        self, client: httpx2.AsyncClient, link: str
    ) -> None:
        case, target = self.case, self.case.links[link].target
        row = await case.create(client, await case.body(client, 0))
        linked = [await target.row(client, number) for number in (0, 1)]
        ids = [uuid.UUID(row_id) for row_id in (row["id"], linked[1])]
        name = case.links[link].route.replace("-", "_")

        await case.serve(f"add_{name}", *ids)
        assert linked[1] in (await case.read(client, row))[link]
        await case.serve(f"remove_{name}", *ids)
        assert linked[1] not in (await case.read(client, row))[link]
