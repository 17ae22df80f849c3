"""Contract of modules whose routes are tools for language models."""

from __future__ import annotations

import httpx2

from app.infrastructure.tools import Tool, tools_of
from app.main import app
from tests.api import JSON, rows_of
from tests.contract.base import Contract
from tests.contract.case import Case
from tests.tools import call, refused, tools


class ToolContract(Contract):
    """A tool does what its route does, with the rights of the caller."""

    async def test_tools_are_listed(self, client: httpx2.AsyncClient) -> None:
        async with tools(client) as models:
            listed = {tool.name: tool for tool in (await models.list_tools()).tools}

        for name, tool in tools_of_module(self.case).items():
            assert listed[name].input_schema == tool.input_schema
            assert listed[name].output_schema == tool.output_schema

    async def test_tool_does_what_its_route_does(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        for name, tool in tools_of_module(case).items():
            arguments = await arguments_of(case, client, tool, row)
            answer = await call(client, name, arguments)
            if "items" in (answer or {}):
                assert row["id"] in [found["id"] for found in rows_of(answer)]
            elif tool.method == "delete":
                assert (await client.get(case.url_of(row))).status_code in {404, 405}
            else:
                assert (answer["id"] == row["id"]) is (tool.method != "post")
                assert answer.keys() == row.keys()

    async def test_wrong_arguments_are_errors(self, client: httpx2.AsyncClient) -> None:
        for name in tools_of_module(self.case):
            assert await refused(client, name, {"nonsense": 1}) == "invalid_arguments"


def tools_of_module(case: Case) -> dict[str, Tool]:
    """Return the routes of a module that are tools; those that delete rows come last."""
    tag = case.url.rpartition("/")[2]
    found = tools_of(app.openapi()).items()
    own = [(name, tool) for name, tool in found if is_of_rows(tool, tag)]
    return dict(sorted(own, key=lambda pair: pair[1].method == "delete"))


def is_of_rows(tool: Tool, tag: str) -> bool:
    """Return whether a tool is one of the six routes of a module, and not a tool of its own."""
    return tag in tool.operation["tags"] and tool.path.endswith((f"/{tag}", "}"))


async def arguments_of(case: Case, client: httpx2.AsyncClient, tool: Tool, row: JSON) -> JSON:
    """Return arguments for the first row, with its own body or that of another row to create."""
    given: JSON = {}
    for name in tool.input_schema["required"]:
        if name == "data":
            given[name] = await case.body(client, int(tool.method == "post"))
        else:
            given[name] = str(case.owner) if name == "project_id" else row["id"]
    return given
