"""Contract of modules whose routes are tools, and whose rows have an owner."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import httpx2

from app.infrastructure import tokens
from app.infrastructure.tokens import Claims
from app.infrastructure.tools import Tool
from tests.api import JSON
from tests.contract.base import Contract
from tests.contract.case import Case
from tests.contract.owners import OTHER_OWNER
from tests.contract.tools import arguments_of, tools_of_module
from tests.tools import call, refused


class OwnedToolContract(Contract):
    """A tool never reaches the rows of another owner."""

    async def test_tool_does_not_reach_rows_of_others(self, client: httpx2.AsyncClient) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))
        await require_unreachable(self.case, client, tools_of_module(self.case), row)


async def require_unreachable(
    case: Case, client: httpx2.AsyncClient, tools: Mapping[str, Tool], row: JSON
) -> None:
    """Call each tool as another owner; it must not find the row."""
    prepared = [
        (name, tool, await arguments_of(case, client, tool, row)) for name, tool in tools.items()
    ]
    token = tokens.issue(Claims(OTHER_OWNER, session_id=uuid.uuid4(), version=0))
    client.headers["Authorization"] = f"Bearer {token}"

    for name, tool, arguments in prepared:
        if "/{" in tool.path.replace("/{project_id}", "") or "project_id" in arguments:
            assert await refused(client, name, arguments) == "not_found"
        elif tool.reads_only:
            assert row["id"] not in str(await call(client, name, arguments))
