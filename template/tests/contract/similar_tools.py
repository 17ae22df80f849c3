"""Contract of modules whose similar rows can be found by tools."""

from __future__ import annotations

import httpx2

from app.infrastructure.tools import Tool, tools_of
from app.main import app
from tests.api import rows_of
from tests.contract.case import Case
from tests.contract.embed import EmbedContract
from tests.contract.tools import arguments_of
from tests.tools import call
from tests.vectors import settle


class SimilarToolContract(EmbedContract):
    """Tools find the rows that are similar to a text, and to a row."""

    async def test_similar_rows_are_found_by_tools(self, client: httpx2.AsyncClient) -> None:
        first, second = await self.case.pair(client)
        await settle()
        tools = similar_tools(self.case)

        for name, tool in tools.items():
            found = await call(client, name, await arguments_of(self.case, client, tool, first))
            assert second["id"] in [row["id"] for row in rows_of(found)]
        assert len(tools) == 2


def similar_tools(case: Case) -> dict[str, Tool]:
    """Return the tools of a module that find similar rows."""
    tag = case.url.rpartition("/")[2]
    return {
        name: tool
        for name, tool in tools_of(app.openapi()).items()
        if tag in tool.operation["tags"] and tool.path.endswith("/similar")
    }
