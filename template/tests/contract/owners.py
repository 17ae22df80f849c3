"""Contracts of modules whose rows belong to an owner: no other owner reaches them by any route."""

from __future__ import annotations

import uuid

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base
from app.db.session import get_sessions
from app.infrastructure import tokens
from app.infrastructure.tokens import Claims
from tests.api import JSON, assert_problem, cursor_of, json_name, page_of, walk
from tests.contract.base import Contract
from tests.contract.case import OnDelete
from tests.modules.users.factory import user

OWNER = uuid.UUID("01900000-0000-7000-8000-000000000001")
OTHER_OWNER = uuid.UUID("01900000-0000-7000-8000-000000000002")


async def sign_in(client: httpx2.AsyncClient, session: AsyncSession) -> None:
    """Create two users, and send every request of the client as the first of them."""
    for user_id, name in ((OWNER, "owner"), (OTHER_OWNER, "other")):
        session.add(user(name, id=user_id))
    await session.commit()
    token = tokens.issue(Claims(OWNER, session_id=uuid.uuid4(), version=0))
    client.headers["Authorization"] = f"Bearer {token}"


async def give_away(session: AsyncSession) -> None:
    """Give all owned rows to the other owner, except for files, which new rows hold, too."""
    for table in Base.metadata.tables.values():
        for column in table.c if table.name != "files" else ():
            if column.info.get("is_owner"):
                await session.execute(sa.update(table).values({column: OTHER_OWNER}))
    await session.commit()


class OwnedContract(Contract):
    """Rows belong to a user, and no other user finds them."""

    async def prepare(self, client: httpx2.AsyncClient) -> None:
        """Send every request of the module's tests as the owner."""
        async with get_sessions()() as session:
            await self.add_owners(client, session)
        await super().prepare(client)

    async def add_owners(self, client: httpx2.AsyncClient, session: AsyncSession) -> None:
        """Create the owners, and sign the first of them in."""
        await sign_in(client, session)

    async def test_every_route_needs_a_token(self, client: httpx2.AsyncClient) -> None:
        _, row = await self.case.pair(client)
        del client.headers["Authorization"]

        for method, url in self.routes(row["id"], OWNER):
            assert_problem(await client.request(method, url), 401)

    async def test_row_of_another_owner_returns_404(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        _, row = await self.case.pair(client)
        body = await self.case.body(client, 1)
        await give_away(session)
        rows = await self.case.stored()

        for method, url in self.routes(row["id"], OWNER):
            response = await client.request(method, url, json=body)
            if url.startswith(self.case.url_of(row)):
                assert_problem(response, 404)
            elif method == "get":
                assert not [row["id"] for row in rows if row["id"] in response.text], url
        ids = {row["id"] for row in rows}
        assert [row for row in await self.case.stored() if row["id"] in ids] == rows


class OwnedWriteContract(Contract):
    """The owner of a row is the caller."""

    async def test_owner_cannot_be_sent(self, client: httpx2.AsyncClient) -> None:
        body = await self.case.body(client, 0)
        row = await self.case.create(client, body)
        owner = next(column.name for column in self.case.table.c if column.info.get("is_owner"))

        for response in await self.send(client, row, body, {owner: str(OWNER)}):
            assert_problem(response, 422, owner)


class OwnedRestoreContract(Contract):
    """Only the owner of a deleted row restores it."""

    async def test_deleted_row_of_another_owner_returns_404(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))
        assert await self.case.delete(client, row) == 204
        await give_away(session)

        assert_problem(await client.post(f"{self.case.url_of(row)}/restore"), 404)
        assert row["id"] not in [stored["id"] for stored in await self.case.stored()]


class OwnedListContract(Contract):
    """The list has the rows of one owner."""

    async def test_rows_of_another_owner_are_not_listed(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        case = self.case
        _, row = await case.pair(client)
        cursor = cursor_of((await client.get(case.url, params={"limit": 1})).json())
        await give_away(session)
        queries: list[JSON] = [{}, {"cursor": cursor}]
        queries += [{"sort": f"-{field}"} for field in ("id", *case.sorts)]
        queries += [{field: row[field]} for field in case.filters]
        queries += [{json_name("created_at_from"): row[json_name("created_at")]}, {"count": True}]
        queries += [{"search": row[field][:100]} for field in case.search]

        for query in queries:
            response = await client.get(case.url, params=query)
            assert response.json() == page_of([], total=0 if "count" in query else None)
        own = await case.create(client, await case.body(client, 0))
        assert await walk(client, case.url, "id") == [own["id"]]


class OwnedValuesContract(Contract):
    """Values are unique among the rows of one owner."""

    async def test_values_of_another_owner_are_free(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        first = await self.case.create(client, await self.case.body(client, 0))
        await give_away(session)

        own = await self.case.create(client, await self.case.body(client, 0))

        assert own["id"] != first["id"]


class OwnedReferenceContract(Contract):
    """A reference or link leads to a row of the same owner."""

    async def test_row_of_another_owner_cannot_be_referred_to(
        self, client: httpx2.AsyncClient, session: AsyncSession, owned_relation: str
    ) -> None:
        case = self.case
        _, foreign = await case.pair(client)
        value = foreign[owned_relation]
        assert value
        await give_away(session)
        body = await case.body(client, 0)
        row = await case.create(client, body)

        for response in await self.send(client, row, body, {owned_relation: value}):
            assert_problem(response, 422, owned_relation)


class OwnedLinkContract(Contract):
    """A single link leads to a row of the same owner."""

    async def test_row_of_another_owner_cannot_be_linked(
        self, client: httpx2.AsyncClient, session: AsyncSession, owned_link: str
    ) -> None:
        case = self.case
        _, foreign = await case.pair(client)
        await give_away(session)
        row = await case.create(client, await case.body(client, 0))
        url = f"{case.url_of(row)}/{case.links[owned_link].route}"

        assert_problem(await client.put(f"{url}/{foreign[owned_link][0]}"), 404)


class OwnedCollectionContract(Contract):
    """The rows below another row have the same owner."""

    async def test_rows_of_another_owner_are_not_below_their_target(
        self, client: httpx2.AsyncClient, session: AsyncSession, below: str
    ) -> None:
        _, row = await self.case.pair(client)
        await give_away(session)

        target_id = row[below][0] if below in self.case.links else row[below]
        response = await client.get(self.case.url_below(below, target_id))

        assert response.status_code == 404 or response.json() == page_of([])


class SharedReferenceContract(Contract):
    """Deleting a row that all owners share respects the references of all owners."""

    async def test_rows_of_another_owner_count_on_deletion(
        self, client: httpx2.AsyncClient, session: AsyncSession, shared_reference: str
    ) -> None:
        reference = self.case.references[shared_reference]
        row, target_id = await self.refer(client, shared_reference)
        await give_away(session)

        status = await reference.target.delete(client, {"id": target_id})

        assert status == (409 if reference.on_delete == "restrict" else 204)
        expected: dict[OnDelete, list[object]] = {
            "restrict": [uuid.UUID(target_id)],
            "cascade": [],
            "set_null": [None],
        }
        assert await self.held(row["id"], shared_reference) == expected[reference.on_delete]
