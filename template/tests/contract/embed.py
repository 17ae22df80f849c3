"""Contract of modules whose rows are found by the similarity of their texts."""

from __future__ import annotations

from importlib.util import find_spec

import httpx2
import pytest
import sqlalchemy as sa
import stamina
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.compute_vectors import compute
from app.db.session import get_sessions
from app.infrastructure.embeddings import get_embeddings
from app.infrastructure.row_vectors import RowVectors
from tests.api import JSON, assert_problem, rows_of
from tests.contract.base import Contract
from tests.vectors import settle

SAME = 0.999  # the similarity of the same text, as far as the database calculates


class EmbedContract(Contract):
    """A row is found by its texts, and rows are similar to each other."""

    @pytest.fixture(autouse=True)
    def on_postgresql(self, engine: AsyncEngine, request: pytest.FixtureRequest) -> None:
        """Skip the tests of similar rows on SQLite, which finds none."""
        if "similar" in request.node.name and engine.dialect.name == "sqlite":
            pytest.skip("the tests run on another database")

    @property
    def vectors(self) -> RowVectors:
        return RowVectors.known[self.case.table.name]

    def text_of(self, body: JSON) -> str:
        """Return the text of a row as far as it can be looked for."""
        named = {self.case.attribute(name): value for name, value in body.items()}
        return self.vectors.text_of(named)[:2_000]

    async def similarities(self, client: httpx2.AsyncClient, text: str) -> dict[str, float]:
        """Return the similarity of each row that is found by a text."""
        await settle()
        response = await client.get(f"{self.case.url}/similar", params={"text": text})
        assert response.status_code == 200, response.text
        return {row["id"]: row["similarity"] for row in rows_of(response.json())}

    async def test_similar_row_is_found_by_its_text(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        rows = await case.pair(client)
        first = self.text_of(await case.body(client, 0))
        second = self.text_of(await case.body(client, 1))

        found = await self.similarities(client, first)

        assert {*found} == {row["id"] for row in rows}
        assert max(found.values()) == next(iter(found.values())) > SAME
        assert self.vectors.column.key not in rows[0]
        changed = await case.update(client, rows[0], await case.body(client, 1))
        assert (await self.similarities(client, second))[changed["id"]] > SAME

    async def test_similar_rows_are_others_that_exist(self, client: httpx2.AsyncClient) -> None:
        first, second = await self.case.pair(client)
        await settle()
        url = f"{self.case.url_of(first)}/similar"

        assert [row["id"] for row in rows_of((await client.get(url)).json())] == [second["id"]]
        assert await self.case.delete(client, second) == 204
        assert rows_of((await client.get(url)).json()) == []
        assert second["id"] not in await self.similarities(client, "a")

    async def test_similar_rows_have_vectors(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        row, _ = await self.case.pair(client)
        await settle()
        await session.execute(sa.update(self.case.model).values({self.vectors.column.key: None}))
        await session.commit()

        assert_problem(await client.get(f"{self.case.url_of(row)}/similar"), 409)
        assert await compute(get_sessions(), self.case.table.name) == 2
        assert row["id"] in await self.similarities(client, "a")

    async def test_outage_of_the_service_of_vectors(
        self, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rows are written with tasks, which wait; without them, nothing is written."""
        body = await self.case.body(client, 0)
        monkeypatch.setattr(get_embeddings(), "_url", "http://127.0.0.1:1")
        monkeypatch.setattr(get_embeddings(), "_http", None)

        with stamina.set_testing(True, attempts=1):
            created = await client.post(self.case.url, json=body)
            found = await client.get(f"{self.case.url}/similar", params={"text": "a"})

        assert created.status_code == (201 if find_spec("app.worker") else 502), created.text
        assert_problem(found, 502)
