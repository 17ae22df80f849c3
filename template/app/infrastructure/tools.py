"""Routes as tools for language models: `openapi_extra=tool("list_orders")` in a route's decorator.

A tool is its route: it has its schemas, its rights and its errors. `mcp.py` offers them to models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from pydantic import Field

from app.common.schemas import Schema

Json = dict[str, Any]

MARK = "x-tool"
BODY = "data"  # the argument for the body of a request
METHODS = {"get", "post", "put", "patch", "delete"}
SCHEMAS = "#/components/schemas/"
REFERENCE = re.compile(f'"{SCHEMAS}([^"]+)"')


class ToolResult(Schema):
    """The result of a tool as text. A schema with more fields tells a model more."""

    text: str = Field(description="What the model reads")


def tool(name: str) -> Json:
    """Return the mark of a route that models can call as a tool of this name."""
    return {MARK: name}


@dataclass(frozen=True)
class Tool:
    """A marked route, as the OpenAPI document of the service describes it."""

    name: str
    method: str
    path: str
    operation: Json
    document: Json

    @property
    def is_public(self) -> bool:
        """Whether the route needs no user."""
        return not self.operation.get("security")

    @property
    def reads_only(self) -> bool:
        return self.method == "get"

    @property
    def description(self) -> str:
        return str(self.operation.get("description") or self.operation["summary"])

    @cached_property
    def input_schema(self) -> Json:
        """The parameters of the route, and its body as `data`."""
        properties = {field["name"]: field["schema"] for field in self._parameters()}
        required = [field["name"] for field in self._parameters() if field.get("required")]
        body = _schema(self.operation.get("requestBody", {}))
        if body:
            properties[BODY] = body
            required.append(BODY)
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return self._complete({**schema, "required": required})

    @cached_property
    def output_schema(self) -> Json | None:
        """What the route returns; None if that is nothing."""
        answers = self.operation["responses"]
        schema = next(
            (_schema(answers[status]) for status in ("200", "201") if status in answers), {}
        )
        return self._complete({"type": "object", **schema}) if schema else None

    def url(self, arguments: Mapping[str, Any]) -> str:
        """Return the path with its parameters filled in."""
        return re.sub(
            r"\{(\w+)\}", lambda match: quote(str(arguments[match[1]]), safe=""), self.path
        )

    def query(self, arguments: Mapping[str, Any]) -> dict[str, str | list[str]]:
        """Return the query parameters among the arguments, as a URL has them."""
        names = {field["name"] for field in self._parameters() if field["in"] == "query"}
        given = {name: value for name, value in arguments.items() if name in names}
        return {name: _text(value) for name, value in given.items() if value is not None}

    def problems(self, arguments: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with the names of the arguments. The route checks their values."""
        schema = self.input_schema
        for name in schema["required"]:
            if name not in arguments:
                yield f"`{name}` is missing"
        for name in arguments.keys() - schema["properties"].keys():
            yield f"`{name}` is not an argument"

    def _parameters(self) -> list[Json]:
        declared: list[Json] = self.operation.get("parameters", [])
        return [field for field in declared if field["in"] in {"path", "query"}]

    def _complete(self, schema: Json) -> Json:
        """Add the definitions that a schema refers to."""
        definitions: Json = {}
        missing = _referred(schema)
        while missing:
            found = {name: self.document["components"]["schemas"][name] for name in missing}
            definitions |= found
            missing = _referred(found) - definitions.keys()
        complete = {**schema, "$defs": definitions} if definitions else schema
        moved: Json = json.loads(json.dumps(complete).replace(SCHEMAS, "#/$defs/"))
        return moved


@lru_cache
def offered(app: FastAPI) -> Mapping[str, Tool]:
    """Return the tools of an application by name. All its routes must be there."""
    return tools_of(app.openapi())


def tools_of(document: Json) -> dict[str, Tool]:
    """Return the tools by name.

    Raises:
        ValueError: two routes have the same name.
    """
    tools = list(_marked(document))
    named = {tool.name: tool for tool in tools}
    if len(named) < len(tools):
        raise ValueError(f"two routes are the same tool: {sorted(tool.name for tool in tools)}")
    return named


def _marked(document: Json) -> Iterator[Tool]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in METHODS and MARK in operation:
                yield Tool(operation[MARK], method, path, operation, document)


def _schema(part: Json) -> Json:
    schema: Json = part.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _referred(schema: Json) -> set[str]:
    return set(REFERENCE.findall(json.dumps(schema)))


def _text(value: Any) -> str | list[str]:
    """Return a value as a query parameter, with `true` and `false` as JSON writes them."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [str(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)
