"""Contract of a POST that takes an `Idempotency-Key`."""

from __future__ import annotations

import httpx2

from tests.api import assert_problem
from tests.contract.base import Contract

HEADERS = {"Idempotency-Key": "once"}


class IdempotentContract(Contract):
    """A request that is sent twice creates one row."""

    async def test_same_request_creates_one_row(self, client: httpx2.AsyncClient) -> None:
        body, before = await self.case.body(client, 0), len(await self.case.stored())

        first, second = [
            await client.post(self.case.url, json=body, headers=HEADERS) for _ in range(2)
        ]

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert first.headers.get("etag") == second.headers.get("etag")
        assert len(await self.case.stored()) == before + 1

    async def test_key_of_another_body_is_a_conflict(self, client: httpx2.AsyncClient) -> None:
        first, second = [await self.case.body(client, number) for number in (0, 1)]
        await client.post(self.case.url, json=first, headers=HEADERS)
        rows = await self.case.stored()

        response = await client.post(self.case.url, json=second, headers=HEADERS)

        assert_problem(response, 409)
        assert response.json()["code"] == "idempotency_key_used"
        assert await self.case.stored() == rows

    async def test_key_of_a_request_that_failed_is_free(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)
        wrong = await client.post(self.case.url, json={**body, "unknown": 1}, headers=HEADERS)
        assert_problem(wrong, 422)

        right = await client.post(self.case.url, json=body, headers=HEADERS)

        assert right.status_code == 201, right.text
