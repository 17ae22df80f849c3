from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel

from app.infrastructure.tools import Tool, tool, tools_of

RED = ["red"]


class Part(BaseModel):
    name: str


class Order(BaseModel):
    parts: list[Part]


def offered(**names: str) -> dict[str, Tool]:
    """Return the tools of an application with two routes."""
    app = FastAPI()

    @app.get("/orders/{order_id}", openapi_extra=tool(names.get("read", "get_order")))
    async def read(order_id: int, colour: Annotated[list[str], Query()] = RED) -> Order:
        """Return an order."""
        return Order(parts=[])

    @app.put("/orders/{order_id}", openapi_extra=tool(names.get("write", "put_order")))
    async def write(order_id: int, data: Order) -> None: ...

    return tools_of(app.openapi())


def test_a_tool_has_the_schemas_of_its_route() -> None:
    read, write = offered().values()

    assert (read.name, read.description, read.reads_only) == ("get_order", "Return an order.", True)
    assert read.output_schema == {
        "$ref": "#/$defs/Order",
        "type": "object",
        "$defs": {
            "Order": {
                "properties": {
                    "parts": {
                        "items": {"$ref": "#/$defs/Part"},
                        "type": "array",
                        "title": "Parts",
                    }
                },
                "type": "object",
                "required": ["parts"],
                "title": "Order",
            },
            "Part": {
                "properties": {"name": {"type": "string", "title": "Name"}},
                "type": "object",
                "required": ["name"],
                "title": "Part",
            },
        },
    }
    assert write.input_schema["properties"]["data"] == {"$ref": "#/$defs/Order"}
    assert write.input_schema["required"] == ["order_id", "data"]
    assert write.input_schema["$defs"].keys() == {"Order", "Part"}


def test_arguments_become_the_path_and_the_query() -> None:
    read = offered()["get_order"]

    assert read.url({"order_id": 7}) == "/orders/7"
    assert read.query({"order_id": 7, "colour": ["red", "blue"]}) == {"colour": ["red", "blue"]}
    assert list(read.problems({"size": 1})) == [
        "`order_id` is missing",
        "`size` is not an argument",
    ]


def test_two_routes_cannot_be_the_same_tool() -> None:
    with pytest.raises(ValueError, match="the same tool"):
        offered(read="order", write="order")
