"""Contracts of the values that a module's fields can have."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import httpx2
import sqlalchemy as sa

from app.db.base import utc_now
from tests.api import JSON, assert_problem, page_of, rows_of, walk
from tests.contract.base import Contract
from tests.contract.case import Computed, transaction


class RequiredContract(Contract):
    """Some fields are required."""

    async def test_missing_field_returns_422(
        self, client: httpx2.AsyncClient, required_field: str
    ) -> None:
        body = await self.case.body(client, 0)
        del body[required_field]

        assert_problem(await client.post(self.case.url, json=body), 422, required_field)


class DefaultsContract(Contract):
    """Some fields can be omitted."""

    async def test_omitted_field_has_its_default(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        body = await case.body(client, 0)
        sent = {name: body[name] for name in (*case.required, *case.checked)}

        created = await case.create(client, sent)

        assert case.values(created) == case.completed(sent, created)


class ComputedContract(Contract):
    """Some fields get a computed value if they are omitted."""

    async def test_omitted_field_is_computed(
        self, client: httpx2.AsyncClient, computed_field: str
    ) -> None:
        case = self.case
        body = await case.body(client, 0)
        del body[computed_field]

        start = utc_now()
        row = await case.create(client, body)

        value = case.value(row, computed_field)
        assert case.computed[computed_field].fits(value, start, utc_now())


class ReadonlyContract(Contract):
    """Only the service sets some fields."""

    async def test_new_row_has_the_default(
        self, client: httpx2.AsyncClient, readonly_field: str
    ) -> None:
        case = self.case
        default = case.defaults.get(readonly_field)

        start = utc_now()
        row = await case.create(client, await case.body(client, 0))

        value = case.returned(row, readonly_field)
        if isinstance(default, Computed):
            assert default.fits(value, start, utc_now())
        else:
            assert value == case.returned(row | {readonly_field: default}, readonly_field)

    async def test_client_cannot_set_the_field(
        self, client: httpx2.AsyncClient, readonly_field: str
    ) -> None:
        body = await self.case.body(client, 0)
        row = await self.case.create(client, body)

        sent = {readonly_field: self.case.readonly[readonly_field]}

        for response in await self.send(client, row, body, sent):
            assert_problem(response, 422, readonly_field)

    async def test_changes_keep_the_value(
        self, client: httpx2.AsyncClient, readonly_field: str
    ) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        sent = {readonly_field: case.readonly[readonly_field]}
        value = case.returned(row | sent, readonly_field)
        async with transaction() as session:
            changed = {case.attribute(readonly_field): value}
            await session.execute(sa.update(case.table).values(changed))

        rows = [await case.update(client, row, {}), await case.read(client, row)]
        if "replace" in case.routes:
            body = await case.body(client, 1)
            rows.append((await client.put(case.url_of(row), json=body)).json())

        assert [case.returned(row, readonly_field) for row in rows] == [value] * len(rows)


class WriteonlyContract(Contract):
    """No response has some fields."""

    async def test_value_is_stored_and_not_returned(
        self, client: httpx2.AsyncClient, writeonly_field: str
    ) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        body = await case.body(client, 1)

        rows = [row, await case.read(client, row)]
        rows.append(await case.update(client, row, {writeonly_field: body[writeonly_field]}))
        if "list" in case.routes:
            rows += rows_of((await client.get(case.url)).json())

        assert [row for row in rows if writeonly_field in row] == []
        value = getattr(case.schema.model_validate(body), case.attribute(writeonly_field))
        assert await self.held(row["id"], writeonly_field) == [value]


class ResetContract(Contract):
    """PUT resets the fields that it omits."""

    async def test_put_resets_omitted_fields(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        body = await case.body(client, 1)
        sent = {name: body[name] for name in (*case.required, *case.checked)}

        response = await client.put(case.url_of(row), json=sent)

        assert response.status_code == 200, response.text
        assert case.values(response.json()) == case.completed(sent, response.json())


class InvalidContract(Contract):
    """Some values are invalid on every route."""

    async def test_invalid_value_returns_422(
        self, client: httpx2.AsyncClient, invalid_field: str
    ) -> None:
        body = await self.case.body(client, 0)
        row = await self.case.create(client, body)

        for value in self.case.invalid[invalid_field]:
            for response in await self.send(client, row, body, {invalid_field: value}):
                assert_problem(response, 422, invalid_field)
                assert response.json()["code"] == "invalid_request"


class NullableContract(Contract):
    """Some fields can be null."""

    async def test_nullable_field_accepts_null(
        self, client: httpx2.AsyncClient, nullable_field: str
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        changed = await self.case.update(client, row, {nullable_field: None})

        assert changed[nullable_field] is None
        assert await self.case.read(client, row) == changed


class UniqueContract(Contract):
    """Some values are unique."""

    async def test_taken_value_returns_409(
        self, client: httpx2.AsyncClient, unique_field: str
    ) -> None:
        await assert_taken(self, client, [unique_field])


class NoCaseContract(Contract):
    """Some unique values equal those of another case."""

    async def test_value_of_another_case_returns_409(
        self, client: httpx2.AsyncClient, nocase_field: str
    ) -> None:
        await assert_taken(self, client, [nocase_field], swapped=[nocase_field])


class NoCaseFilterContract(Contract):
    """The list can be filtered by some fields without regard to case."""

    async def test_filter_ignores_case(
        self, client: httpx2.AsyncClient, nocase_filter: str
    ) -> None:
        first, _ = await self.case.pair(client)

        query = {nocase_filter: first[nocase_filter].swapcase()}
        page = await client.get(self.case.url, params=query)

        assert rows_of(page.json()) == [first]


class UniqueTogetherContract(Contract):
    """Some values are unique together, but not each of them."""

    async def test_values_taken_together_return_409(
        self, client: httpx2.AsyncClient, unique_fields: Sequence[str]
    ) -> None:
        await assert_taken(self, client, unique_fields)


async def assert_taken(
    contract: Contract,
    client: httpx2.AsyncClient,
    fields: Sequence[str],
    swapped: Sequence[str] = (),
) -> None:
    """Assert that no second row gets these values of the first, and that it gets others.

    Some of them are sent in the other case.
    """
    case, fields = contract.case, contract.case.together(fields)
    first = await case.create(client, await case.body(client, 0))
    deferred = await case.deferred(client, first["id"])
    if deferred.keys() & {*fields}:
        first = await case.update(client, first, deferred)
    body = await case.body(client, 1)
    taken = {field: first[field] for field in fields}
    taken |= {field: first[field].swapcase() for field in swapped}

    if "create" in case.routes:
        assert_conflict(await client.post(case.url, json=body | taken), fields)
    second = await case.create(client, body)
    if "replace" in case.routes:
        assert_conflict(await client.put(case.url_of(second), json=body | taken), fields)
    if "update" in case.routes:
        assert_conflict(await client.patch(case.url_of(second), json=taken), fields)
    assert await case.read(client, second) == second


def assert_conflict(response: httpx2.Response, fields: Sequence[str]) -> None:
    """Assert that an answer is a conflict of some of these fields, and of no other."""
    assert_problem(response, 409)
    named = [error["field"] for error in response.json()["errors"]]
    assert named
    assert {*named} <= {*fields}


class ReusableContract(Contract):
    """Unique values are free again after deletion."""

    async def test_values_of_a_deleted_row_are_free(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)
        first = await self.case.create(client, body)
        assert await self.case.delete(client, first) == 204

        again = await self.case.create(client, body)

        assert again["id"] != first["id"]
        assert self.case.values(again) == self.case.values(body)


class FilterContract(Contract):
    """The list can be filtered by some fields."""

    async def test_filter_returns_the_rows_with_the_value(
        self, client: httpx2.AsyncClient, filtered: str
    ) -> None:
        rows = await self.swapped(client, filtered)
        values = list({row[filtered]: None for row in rows if row[filtered] is not None})

        for sent in ([value] for value in values):
            await self.assert_found(client, rows, filtered, sent)
        await self.assert_found(client, rows, filtered, values)

    async def assert_found(
        self, client: httpx2.AsyncClient, rows: Sequence[JSON], field: str, values: list[Any]
    ) -> None:
        """Assert that the list has the rows with any of these values of a field."""
        page = (await client.get(self.case.url, params={field: values})).json()
        assert rows_of(page) == [row for row in rows if row[field] in values]


class RangeContract(Contract):
    """The list can be limited to a range of some fields."""

    async def test_range_returns_the_rows_within_its_end(
        self, client: httpx2.AsyncClient, ranged: str
    ) -> None:
        rows = await self.swapped(client, ranged)
        compared = {
            "min": operator.ge,
            "from": operator.ge,
            "max": operator.le,
            "before": operator.lt,
        }
        values = {row["id"]: self.case.value(row, ranged) for row in rows}

        for ending, parameter in self.case.parameters(ranged, *compared).items():
            compare = compared[ending]
            for end in rows:
                page = (await client.get(self.case.url, params={parameter: end[ranged]})).json()
                within = {id_ for id_, value in values.items() if compare(value, values[end["id"]])}
                assert {row["id"] for row in rows_of(page)} == within


class NullFilterContract(Contract):
    """The list can be limited to the rows with or without a value of some fields."""

    async def test_null_filter_returns_the_rows_without_a_value(
        self, client: httpx2.AsyncClient, nullable_filter: str
    ) -> None:
        first, second = await self.case.pair(client)
        first = await self.case.update(client, first, {nullable_filter: None})

        for is_null, row in ((True, first), (False, second)):
            query = {self.case.parameters(nullable_filter, "null")["null"]: is_null}
            page = (await client.get(self.case.url, params=query)).json()
            assert [found["id"] for found in rows_of(page)] == [row["id"]]


class SortContract(Contract):
    """The list can be sorted by some fields."""

    async def test_pages_follow_the_order_of_a_field(
        self, client: httpx2.AsyncClient, sort: str
    ) -> None:
        rows = await self.swapped(client, sort)
        values = [self.case.value(row, sort) for row in rows]
        ascending = [row["id"] for row in rows]
        if values[0] > values[1]:
            ascending.reverse()

        assert await walk(client, self.case.url, sort) == ascending
        assert await walk(client, self.case.url, f"-{sort}") == ascending[::-1]


class SearchContract(Contract):
    """The list can be searched for a text."""

    async def test_search_returns_the_rows_with_the_text(
        self, client: httpx2.AsyncClient, searched: str
    ) -> None:
        case = self.case
        rows = await self.swapped(client, searched)

        for text in {row[searched][:100] for row in rows}:
            sent = text.swapcase() if text.isascii() else text  # SQLite ignores case in ASCII only
            page = (await client.get(case.url, params={"search": sent})).json()
            assert rows_of(page) == [row for row in rows if self.has_text(row, text)]

    async def test_search_without_a_match_returns_no_row(self, client: httpx2.AsyncClient) -> None:
        await self.case.pair(client)

        page = await client.get(self.case.url, params={"search": "found nowhere"})

        assert page.json() == page_of([])

    async def test_long_search_returns_422(self, client: httpx2.AsyncClient) -> None:
        response = await client.get(self.case.url, params={"search": "a" * 101})

        assert_problem(response, 422, "search")

    def has_text(self, row: JSON, text: str) -> bool:
        """Return whether one of the searched fields has the text."""
        return any(text.lower() in (row[field] or "").lower() for field in self.case.search)


class NullsLastContract(Contract):
    """Rows without a value come last, in both directions."""

    async def test_rows_without_a_value_come_last(
        self, client: httpx2.AsyncClient, nullable_sort: str
    ) -> None:
        case, order = self.case, nullable_sort
        first, second = await case.pair(client)

        await case.update(client, first, {order: None})
        assert await walk(client, case.url, order) == [second["id"], first["id"]]
        assert await walk(client, case.url, f"-{order}") == [second["id"], first["id"]]

        await case.update(client, second, {order: None})
        assert await walk(client, case.url, order) == [first["id"], second["id"]]
        assert await walk(client, case.url, f"-{order}") == [second["id"], first["id"]]
