"""Contract of modules with tools that are written for them."""

from __future__ import annotations

import httpx2

from app.infrastructure.tools import tools_of
from app.main import app
from tests.api import JSON
from tests.contract.base import Contract
from tests.contract.case import Case
from tests.contract.examples import examples_of
from tests.tools import call, refused


class OwnToolContract(Contract):
    """A tool of its own takes the arguments of its schema."""

    async def test_own_tool_returns_its_result(self, client: httpx2.AsyncClient) -> None:
        for name, arguments in own_tools(self.case).items():
            assert await call(client, name, arguments)

    async def test_own_tool_checks_its_arguments(self, client: httpx2.AsyncClient) -> None:
        for name, arguments in own_tools(self.case).items():
            wrong = {**arguments, "data": {**arguments["data"], "nonsense": 1}}
            assert await refused(client, name, wrong) == "invalid_request"


def own_tools(case: Case) -> dict[str, JSON]:
    """Return the tools with valid arguments."""
    tag = case.url.rpartition("/")[2]
    found: dict[str, JSON] = {}
    for name, tool in tools_of(app.openapi()).items():
        if tool.path.endswith(f"/{tag}/{name.replace('_', '-')}"):
            owner = {"project_id": str(case.owner)} if "{project_id}" in tool.path else {}
            reference = tool.input_schema["properties"]["data"]["$ref"]
            schema = tool.input_schema["$defs"][reference.rpartition("/")[2]]
            found[name] = {**owner, "data": examples_of(schema)}
    return found
