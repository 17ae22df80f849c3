"""Contracts of modules whose deleted rows can be restored."""

from __future__ import annotations

import uuid

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from tests.api import JSON, assert_problem
from tests.contract.base import Contract


async def restore(contract: Contract, client: httpx2.AsyncClient, row: JSON) -> httpx2.Response:
    """Take the deletion of a row back."""
    return await client.post(f"{contract.case.url_of(row)}/restore")


class RestoreContract(Contract):
    """POST below a deleted row restores it."""

    async def test_restored_row_has_its_values(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        assert await case.delete(client, row) == 204

        response = await restore(self, client, row)

        assert response.status_code == 200, response.text
        assert case.values(response.json()) == case.values(row)
        assert await case.read(client, row) == response.json()

    async def test_row_that_is_not_deleted_returns_404(self, client: httpx2.AsyncClient) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        for item in (row, {"id": uuid.uuid4()}):
            assert_problem(await restore(self, client, item), 404)


class RestoreUniqueContract(Contract):
    """A row is restored while its values are free."""

    async def test_row_whose_values_are_taken_returns_409(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)
        row = await self.case.create(client, body)
        assert await self.case.delete(client, row) == 204
        await self.case.create(client, body)

        assert_problem(await restore(self, client, row), 409)


class RestoreReferenceContract(Contract):
    """A row is restored while the rows exist to which it refers."""

    async def test_row_that_refers_to_a_deleted_row_returns_422(
        self, client: httpx2.AsyncClient, session: AsyncSession, released_reference: str
    ) -> None:
        row, target_id = await self.refer(client, released_reference)
        assert await self.case.delete(client, row) == 204

        target = self.case.references[released_reference].target.table
        deleted = sa.update(target).filter_by(id=uuid.UUID(target_id)).values(is_deleted=True)
        await session.execute(deleted)
        await session.commit()

        assert_problem(await restore(self, client, row), 422, released_reference)
