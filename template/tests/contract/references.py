"""Contracts of fields that refer to one row, of this module or of another."""

from __future__ import annotations

import uuid

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from tests.api import assert_problem, rows_of, walk
from tests.contract.base import Contract


class ReferenceContract(Contract):
    """A reference leads to a row that exists."""

    async def test_unknown_row_returns_422(
        self, client: httpx2.AsyncClient, reference: str
    ) -> None:
        body = await self.case.body(client, 0)
        row = await self.case.create(client, body)

        for response in await self.send(client, row, body, {reference: str(uuid.uuid4())}):
            assert_problem(response, 422, reference)


class SoftReferenceContract(Contract):
    """A reference leads to a row that is not deleted."""

    async def test_deleted_row_returns_422(
        self, client: httpx2.AsyncClient, session: AsyncSession, soft_reference: str
    ) -> None:
        case = self.case
        body = await case.body(client, 0)
        row = await case.create(client, body)
        target = case.references[soft_reference].target
        target_id = await target.row(client, 1)

        deleted = sa.update(target.table).filter_by(id=uuid.UUID(target_id))
        await session.execute(deleted.values(is_deleted=True))
        await session.commit()

        for response in await self.send(client, row, body, {soft_reference: target_id}):
            assert_problem(response, 422, soft_reference)


class RestrictContract(Contract):
    """A row cannot be deleted while another refers to it."""

    async def test_row_in_use_is_not_deleted(
        self, client: httpx2.AsyncClient, restricting: str
    ) -> None:
        row, target_id = await self.refer(client, restricting)

        status = await self.case.references[restricting].target.delete(client, {"id": target_id})

        assert status == 409
        assert await self.held(row["id"], restricting) == [uuid.UUID(target_id)]

    async def test_row_out_of_use_is_deleted(
        self, client: httpx2.AsyncClient, restricting: str
    ) -> None:
        case, reference = self.case, self.case.references[restricting]
        row, target_id = await self.refer(client, restricting)
        assert await case.delete(client, row) == 204
        if not reference.deferred:  # a row that refers to another target does not matter
            await case.create(client, await case.body(client, 0))

        status = await reference.target.delete(client, {"id": target_id})

        assert status == 204


class CascadeContract(Contract):
    """A row is deleted with the row it refers to."""

    async def test_row_is_deleted_with_its_target(
        self, client: httpx2.AsyncClient, cascading: str
    ) -> None:
        row, target_id = await self.refer(client, cascading)

        status = await self.case.references[cascading].target.delete(client, {"id": target_id})

        assert status == 204
        assert await self.held(row["id"], cascading) == []


class SetNullContract(Contract):
    """A reference is emptied when the row it leads to is deleted."""

    async def test_reference_to_a_deleted_row_is_emptied(
        self, client: httpx2.AsyncClient, emptied: str
    ) -> None:
        row, target_id = await self.refer(client, emptied)

        status = await self.case.references[emptied].target.delete(client, {"id": target_id})

        assert status == 204
        assert await self.held(row["id"], emptied) == [None]


class CollectionContract(Contract):
    """Rows are listed below the row they refer to."""

    async def test_rows_are_listed_below_their_target(
        self, client: httpx2.AsyncClient, collection: str
    ) -> None:
        case = self.case
        rows = await self.swapped(client, collection)

        for row in rows:
            if row[collection]:
                url = case.url_below(collection, row[collection])
                assert await walk(client, url, "id") == [row["id"]]
                assert await walk(client, url, "-id") == [row["id"]]
                assert await case.delete(client, row) == 204
                assert await walk(client, url, "id") == []

    async def test_collection_of_an_unknown_row_returns_404(
        self, client: httpx2.AsyncClient, collection: str
    ) -> None:
        assert_problem(await client.get(self.case.url_below(collection, str(uuid.uuid4()))), 404)


class FilteredCollectionContract(Contract):
    """Rows below another row can be filtered."""

    async def test_collection_has_the_filters_of_the_list(
        self, client: httpx2.AsyncClient, collection: str
    ) -> None:
        case = self.case
        rows = await case.pair(client)
        url = case.url_below(collection, rows[1][collection])
        below = [row for row in rows if row[collection] == rows[1][collection]]

        for field in case.filters:
            for value in {row[field] for row in rows} - {None}:
                page = (await client.get(url, params={field: value})).json()
                assert rows_of(page) == [row for row in below if row[field] == value]


class SingleContract(Contract):
    """The only row that refers to another is found below it."""

    async def test_row_is_found_below_its_target(
        self, client: httpx2.AsyncClient, single: str
    ) -> None:
        case = self.case
        _, row = await case.pair(client)
        url = case.url_below(single, row[single])

        assert (await client.get(url)).json() == row
        assert await case.delete(client, row) == 204
        assert_problem(await client.get(url), 404)

    async def test_nothing_is_below_an_unknown_row(
        self, client: httpx2.AsyncClient, single: str
    ) -> None:
        assert_problem(await client.get(self.case.url_below(single, str(uuid.uuid4()))), 404)
