"""Contracts of the route that creates many rows."""

from __future__ import annotations

import uuid

import httpx2

from tests.api import JSON, assert_problem
from tests.contract.base import Contract


def fields_of(response: httpx2.Response) -> list[str]:
    """Return the fields that the errors of a response name."""
    return [error["field"] for error in response.json()["errors"]]


class BulkContract(Contract):
    """POST creates many rows, or none."""

    async def test_rows_are_created_in_order(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        bodies = [await case.body(client, number) for number in (0, 1)]

        response = await client.post(f"{case.url}/bulk", json=bodies)

        assert response.status_code == 201, response.text
        rows = response.json()
        assert [case.values(row) for row in rows] == [case.values(body) for body in bodies]
        assert [row["id"] for row in rows] == [row["id"] for row in await case.stored()]
        assert [await case.read(client, row) for row in rows] == rows

    async def test_one_invalid_row_creates_nothing(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        bodies = [await case.body(client, number) for number in (0, 1)]

        response = await client.post(
            f"{case.url}/bulk", json=[bodies[0], bodies[1] | {"unknown_field": 1}]
        )

        assert_problem(response, 422)
        assert fields_of(response) == ["1.unknown_field"]
        assert await case.stored() == []

    async def test_number_of_rows_is_limited(self, client: httpx2.AsyncClient) -> None:
        for number in (0, 1_001):
            bodies: list[JSON] = [{}] * number
            response = await client.post(f"{self.case.url}/bulk", json=bodies)
            assert response.status_code == 422
            assert response.json()["errors"][0]["code"] in ("too_short", "too_long")


class BulkUniqueContract(Contract):
    """A conflict names the rows that cause it."""

    async def test_conflict_names_the_index_and_creates_nothing(
        self, client: httpx2.AsyncClient
    ) -> None:
        case = self.case
        first, second = [await case.body(client, number) for number in (0, 1)]
        names = [name for name in case.unique if name not in case.references]
        assert names

        for name in names:
            same = {other: first[other] for other in case.together([name])}
            response = await client.post(f"{case.url}/bulk", json=[first, second | same])
            assert_problem(response, 409)
            assert fields_of(response) == [f"1.{name}"]
            assert await case.stored() == []


class BulkReferenceContract(Contract):
    """An unknown reference is named with the index of its row."""

    async def test_unknown_reference_names_the_index(
        self, client: httpx2.AsyncClient, reference: str
    ) -> None:
        case = self.case
        bodies = [await case.body(client, number) for number in (0, 1)]
        bodies[1][reference] = str(uuid.uuid4())

        response = await client.post(f"{case.url}/bulk", json=bodies)

        assert_problem(response, 422)
        assert fields_of(response) == [f"1.{reference}"]
        assert await case.stored() == []
