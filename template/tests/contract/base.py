"""The base of the contracts. A contract is a set of tests that run with the case of a module.

A module's test class inherits the contracts that apply to it. Where the module behaves differently,
the class overrides that test.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import httpx2
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.session import get_sessions
from tests.api import JSON
from tests.contract.case import ROUTES, Case, OnDelete
from tests.fixtures import client_of


def _references(on_delete: OnDelete) -> Callable[[Case], Collection[str]]:
    return lambda case: [
        name for name in case.released if case.references[name].on_delete == on_delete
    ]


def _below(case: Case, *, is_single: bool) -> Collection[str]:
    references = case.references.items()
    return [name for name, ref in references if ref.below and ref.is_single == is_single]


def _served(case: Case, *routes: str) -> Collection[str]:
    return [route for route in routes if route in case.routes]


# A test that takes one of these arguments runs once for each of the values.
PARAMETERS: Mapping[str, Callable[[Case], Collection[object]]] = {
    "required_field": lambda case: case.required,
    "invalid_field": lambda case: case.invalid,
    "computed_field": lambda case: case.computed,
    "readonly_field": lambda case: case.readonly,
    "writeonly_field": lambda case: case.writeonly,
    "nullable_field": lambda case: [name for name in case.optional if name not in case.writeonly],
    "sort": lambda case: case.sorts,
    "filtered": lambda case: case.filters,
    "ranged": lambda case: [name for name in case.filters if case.parameters(name, "min", "from")],
    "nullable_filter": lambda case: [name for name in case.filters if name in case.optional],
    "searched": lambda case: case.search,
    "nullable_sort": lambda case: [name for name in case.sorts if name in case.optional],
    "unique_field": lambda case: case.unique,
    "nocase_field": lambda case: case.nocase,
    "nocase_filter": lambda case: [name for name in case.nocase if name in case.filters],
    "unique_fields": lambda case: case.unique_together,
    "partial_key": lambda case: case.partial_keys,
    "reference": lambda case: case.references,
    "restricting": _references("restrict"),
    "cascading": _references("cascade"),
    "emptied": _references("set_null"),
    "collection": lambda case: _below(case, is_single=False),
    "single": lambda case: _below(case, is_single=True),
    "below": lambda case: [name for name, relation in case.relations.items() if relation.below],
    "link_filter": lambda case: [name for name, link in case.links.items() if link.filter],
    "link_below": lambda case: [name for name, link in case.links.items() if link.below],
    "soft_reference": lambda case: [
        name for name, ref in case.references.items() if "is_deleted" in ref.target.table.c
    ],
    "released_reference": lambda case: [
        name for name in case.released if "is_deleted" in case.references[name].target.table.c
    ],
    "shared_reference": lambda case: [
        name for name in case.released if case.references[name].target.owner is None
    ],
    "owned_relation": lambda case: [
        name for name, relation in case.relations.items() if relation.target.owner
    ],
    "owned_link": lambda case: [name for name, link in case.links.items() if link.target.owner],
    "link": lambda case: case.links,
    "file_field": lambda case: case.files,
    "answering_route": lambda case: _served(case, "create", "read", "replace", "update"),
    "changing_route": lambda case: _served(case, "replace", "update", "delete"),
    "missing_route": lambda case: [route for route in ROUTES if route not in case.routes],
}


@dataclass
class Shared:
    """A transaction for all tests of a class, and what they send once its rows are created."""

    connection: AsyncConnection
    headers: httpx2.Headers | None = None

    @contextlib.contextmanager
    def sessions(self) -> Iterator[None]:
        """Let the service write in the transaction, before any test."""
        get_sessions().configure(bind=self.connection, join_transaction_mode="create_savepoint")
        try:
            yield
        finally:
            get_sessions.cache_clear()


class Contract:
    """Tests of a module.

    The rows to which those of the module refer are created once for the class. Each test runs in a
    savepoint, so that the next one finds them as they were.
    """

    case: ClassVar[Case]

    async def prepare(self, client: httpx2.AsyncClient) -> None:
        """Create the rows that the tests of the class refer to; they send the client's headers."""
        for number in (0, 1):
            await self.case.body(client, number)

    @pytest_asyncio.fixture(scope="class")
    @classmethod
    async def shared(cls, engine: AsyncEngine) -> AsyncIterator[Shared]:
        """A transaction that is rolled back after the tests of the class."""
        async with engine.connect() as connection:
            transaction = await connection.begin()
            yield Shared(connection)
            await transaction.rollback()

    @pytest_asyncio.fixture
    async def connection(self, shared: Shared) -> AsyncIterator[AsyncConnection]:
        """The connection of all tests, in a savepoint that is rolled back after the test."""
        if shared.headers is None:
            from app.main import app  # reads the settings, which are set by now

            async with shared.connection.begin_nested(), client_of(app) as client:
                with shared.sessions():
                    await self.prepare(client)
            shared.headers = client.headers
        savepoint = await shared.connection.begin_nested()
        yield shared.connection
        await savepoint.rollback()

    @pytest.fixture
    def client(self, client: httpx2.AsyncClient, shared: Shared) -> httpx2.AsyncClient:
        """A client that sends what the rows of the class were created with."""
        client.headers.update(shared.headers)
        return client

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Repeat a test for each value of its argument."""
        for name, values in PARAMETERS.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values(self.case))

    def routes(self, row_id: str, project_id: object = "") -> list[tuple[str, str]]:
        """Return the method and URL of every route of the module, with the id of this row.

        Routes added by hand are included.
        """
        from app.main import app  # reads the settings, which are set by now

        tag = self.case.url.rpartition("/")[2]
        found = []
        for route in iter_route_contexts(app.routes):
            if isinstance(route.original_route, APIRoute) and tag in route.tags:
                path = str(route.path_format).replace("{project_id}", str(project_id))
                url = re.sub(r"{\w+}", row_id, path)
                found += [(method.lower(), url) for method in route.methods or ()]
        return found

    async def send(
        self, client: httpx2.AsyncClient, row: JSON, body: JSON, changes: JSON
    ) -> list[httpx2.Response]:
        """Send a changed body by POST and PUT, and the changes by PATCH, where there are routes."""
        case, responses = self.case, []
        if "create" in case.routes:
            responses.append(await client.post(case.url, json=body | changes))
        if "replace" in case.routes:
            responses.append(await client.put(case.url_of(row), json=body | changes))
        if "update" in case.routes:
            responses.append(await client.patch(case.url_of(row), json=changes))
        return responses

    async def swapped(self, client: httpx2.AsyncClient, field: str) -> tuple[JSON, JSON]:
        """Create two rows that have swapped their values of a field.

        In a deferred field only the second row has a value, which refers to the first.
        """
        case, fields = self.case, self.case.together([field])
        bodies = [await case.body(client, number) for number in (0, 1)]
        values = [{name: body[name] for name in fields} for body in reversed(bodies)]
        first = await case.create(client, bodies[0] | values[0])
        deferred = await case.deferred(client, first["id"])
        values[1] |= {name: deferred[name] for name in fields if name in deferred}
        return first, await case.create(client, bodies[1] | values[1])

    async def refer(self, client: httpx2.AsyncClient, field: str) -> tuple[JSON, str]:
        """Create a row, and another to which only this field of the first refers."""
        case, relation = self.case, self.case.relations[field]
        target_id = await relation.target.row(client, 0 if relation.deferred else 1)
        value = [target_id] if field in case.links else target_id
        if relation.deferred:
            row = {"id": await case.row(client, 1)}
            return await case.update(client, row, {field: value}), target_id
        return await case.create(client, await case.body(client, 0) | {field: value}), target_id

    async def held(self, row_id: str, field: str) -> list[object]:
        """Return the value of a row's field in a list, which is empty if the row is deleted."""
        column = self.case.attribute(field)
        return [row[column] for row in await self.case.stored() if row["id"] == row_id]
