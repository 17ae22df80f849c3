"""Contract of values that are unique among some rows."""

from __future__ import annotations

import httpx2

from tests.api import JSON
from tests.contract.base import Contract
from tests.contract.case import PartialKey
from tests.contract.values import assert_conflict


class PartialKeyContract(Contract):
    """Some values are taken once by the rows that meet a condition."""

    async def test_values_are_taken_by_the_rows_of_a_condition(
        self, client: httpx2.AsyncClient, partial_key: PartialKey
    ) -> None:
        case, named = self.case, self.case.together(partial_key.fields)
        fields = case.together([*named, *partial_key.condition])
        first = await case.create(client, await case.body(client, 0))
        deferred = await case.deferred(client, first["id"])
        met, unmet = (self.values(partial_key, which, deferred) for which in (0, 1))
        referring = {name: deferred[name] for name in named if name in deferred}
        first = await case.update(client, first, referring | met)
        body, taken = await case.body(client, 1), {name: first[name] for name in named}

        if "create" in case.routes:
            assert_conflict(await client.post(case.url, json=body | taken | met), fields)
        second = await case.create(client, body | taken | unmet)
        if "replace" in case.routes:
            url = case.url_of(second)
            assert_conflict(await client.put(url, json=body | taken | met), fields)
        if "update" in case.routes:
            assert_conflict(await client.patch(case.url_of(second), json=taken | met), fields)
        assert await case.read(client, second) == second

    def values(self, key: PartialKey, which: int, deferred: JSON) -> JSON:
        """Return the values of a row that meets the condition (0), or that does not (1)."""
        values: JSON = {}
        for name, pair in key.condition.items():
            if name not in self.case.references:
                values[name] = pair[which]
            elif not pair[which] or name in deferred:
                values[name] = deferred[name] if pair[which] else None
        return values
