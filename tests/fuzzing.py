"""Lets Schemathesis reach behind the references: what a request refers to is there.

Schemathesis loads this file by itself, in a process of its own, beside the running service.
"""

from __future__ import annotations

import functools
import itertools
import os
import uuid
from typing import Any

import requests
import schemathesis

from tests.every import every_module

API = f"{os.environ['FUZZED_SERVICE']}/api/v1"
MODULES = {module["name"].replace("_", "-"): module for module in every_module()}
RELATIONS = [
    field
    for module in MODULES.values()
    for field in module["fields"]
    if field["type"] in {"ref", "one", "many"}
]
# Columns that refer to a row of parents, which no other row may refer to.
PARENTS = {
    f"{field['name']}_id"
    for field in RELATIONS
    if field["to"] == "parents" and field["type"] != "many"
}
# What refers to anything else refers to nothing.
EMPTY: dict[str, Any] = {
    **{f"{field['name']}_id": None for field in RELATIONS if field["to"] != "parents"},
    **{f"{field['name'].removesuffix('s')}_ids": [] for field in RELATIONS},
}

# Halves, halves of halves and so on, so that each meets each of the others.
bodies, paths, codes, versions = (itertools.count() for _ in range(4))
session = requests.Session()


@functools.cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    found: dict[str, Any] = session.get(API.replace("/api/v1", "/openapi.json"), timeout=9).json()
    return found


@functools.cache
def good_body(collection: str) -> dict[str, Any]:
    """Return a value of each field that is within all of its bounds.

    For those of times and exact numbers JSON Schema has no word, so nothing drawn meets them.
    """
    operation = document()["paths"][f"/api/v1/{collection}"].get("post")
    if operation is None:
        return {}
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    fields = document()["components"]["schemas"][name.rsplit("/", 1)[1]]["properties"]
    alone = {name: field["examples"][0] for name, field in fields.items() if "examples" in field}
    together = MODULES[collection].get("examples", [{}])  # what satisfies the checks
    return {**alone, **together[0]}


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Let each reference of a body lead to a row of its own; half of the bodies are good ones."""
    if not isinstance(body, dict) or context.operation is None:
        return body
    good = {} if next(bodies) // 2 % 2 else good_body(collection_of(context.operation.path))
    return with_references({**body, **{key: good[key] for key in body.keys() & good.keys()}})


def with_references(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body whose references lead to rows that nothing else refers to."""
    rows = {column: new_parent() for column in sorted(PARENTS & body.keys())}
    return {**body, **{key: EMPTY[key] for key in body.keys() & EMPTY.keys()}, **rows}


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, parameters: Any) -> Any:
    """Let every second path lead to rows that are there."""
    if not parameters or context.operation is None or next(paths) % 2:
        return parameters
    row = a_row(collection_of(context.operation.path))
    other = new_parent() if "-many/" in context.operation.path else row
    return {name: other if name == "other_id" else row for name in parameters}


def collection_of(path: str) -> str:
    """Return the module that a path begins with."""
    return path.split("/")[3]


@schemathesis.hook
def map_headers(context: schemathesis.HookContext, headers: Any) -> Any:
    """Let half of the changes be of any version: a drawn one is never the row's."""
    if not headers or next(versions) // 4 % 2:
        return headers
    return {name: value for name, value in headers.items() if name.lower() != "if-match"}


def a_row(collection: str) -> str:
    """Return the first row of a list, making one where it is empty and that can be done."""
    page = session.get(f"{API}/{collection}", params={"limit": 1}, timeout=9).json()["items"]
    if not page and "create" not in MODULES[collection].get("routes", ["create"]):
        return str(uuid.uuid4())
    made = page or [create(collection, with_references(good_body(collection)))]
    identifier: str = made[0]["id"]
    return identifier


def new_parent() -> str:
    """Create a row that nothing else refers to."""
    identifier: str = create("parents", {"code": f"made {next(codes)}"})["id"]
    return identifier


def create(collection: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a row and return it."""
    answer = session.post(f"{API}/{collection}", json=body, timeout=9)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row
