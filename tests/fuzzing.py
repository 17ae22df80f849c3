"""Lets Schemathesis send valid references: the rows that a request refers to exist.

Schemathesis loads this file in a separate process, while the service runs.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

import requests
import schemathesis

from tests.every import fuzzed_modules

API = f"{os.environ['FUZZED_SERVICE']}/api/v1"
PROJECT = os.environ["FUZZED_PROJECT"]
MODULES = {module["name"].replace("_", "-"): module for module in fuzzed_modules()}
RELATIONS = [
    field
    for module in MODULES.values()
    for field in module["fields"]
    if field["type"] in {"ref", "one", "many"}
]


def sent(field: Mapping[str, Any]) -> str:
    """Return the name of a relation in requests, without its ending."""
    return str(field.get("json_name", field["name"]))


# What refers to a row of parents, which no other row may refer to.
PARENTS = {
    f"{sent(field)}_id"
    for field in RELATIONS
    if field["to"] == "parents" and field["type"] != "many"
}
# What refers to anything else refers to nothing.
EMPTY: dict[str, Any] = {
    **{f"{sent(field)}_id": None for field in RELATIONS if field["to"] != "parents"},
    **{f"{sent(field).removesuffix('s')}_ids": [] for field in RELATIONS},
}

LONGEST_LIST = 8_000  # characters of the values of a parameter
codes = itertools.count()
# How often what was drawn for an operation; the first request of each is as good as it can be.
turns: Counter[tuple[str, str]] = Counter()
session = requests.Session()
session.headers["Authorization"] = os.environ["FUZZED_BY"]


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
    operation = document()["paths"][f"/api/v1{place(collection)}"].get("post")
    if operation is None:
        return {}
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    fields = document()["components"]["schemas"][name.rsplit("/", 1)[1]]["properties"]
    alone = {name: valid_value(field) for name, field in fields.items()}
    together = MODULES[collection].get("examples", [{}])  # what satisfies the checks
    return {**alone, **together[0]}


# By format, or else by type, where a schema has neither an example nor a list of values.
VALUES: dict[str, Any] = {
    **{"email": "ann@example.com", "uri": "https://example.com/", "date": "2030-01-01"},
    **{"date-time": "2030-01-01T00:00:00Z", "string": "text", "boolean": True, "object": {}},
    **{"array": [], "integer": 1, "number": 1.5},
}


def valid_value(field: dict[str, Any]) -> Any:
    """Return a value within the bounds of a schema; an optional one as if it were required."""
    schema = field if "examples" in field else field.get("anyOf", [field])[0]
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("format") == "uuid":
        return str(uuid.uuid4())
    return VALUES[schema.get("format") or schema["type"]]


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Let each reference of a body refer to another row; half of the bodies are valid."""
    if not isinstance(body, dict) or collection_of(context) not in MODULES:
        return body
    good = {} if turn(context, "body") // 2 % 2 else good_body(collection_of(context))
    return with_references({**body, **{key: good[key] for key in body.keys() & good.keys()}})


def with_references(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body whose references lead to rows that nothing else refers to."""
    rows = {column: new_parent() for column in sorted(PARENTS & body.keys())}
    return {**body, **{key: EMPTY[key] for key in body.keys() & EMPTY.keys()}, **rows}


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, parameters: Any) -> Any:
    """Let paths lead to existing rows; every second one, where many are drawn."""
    collection = collection_of(context)
    is_left = turn(context, "path") % 2 and "/by-" not in path_of(context)
    if not parameters or collection not in {*MODULES, "projects"} or is_left:
        return parameters
    if collection == "projects":
        return {**parameters, "project_id": new_project()}
    row = a_row(collection)
    linked = new_parent() if "-many/" in path_of(context) else row
    names = [name for name in re.findall(r"{(\w+)}", path_of(context)) if name != "project_id"]
    found = {"project_id": PROJECT, **dict(zip(names, (row, linked), strict=False))}
    return {name: found[name] for name in parameters}


def turn(context: schemathesis.HookContext, what: str) -> int:
    """Count what is drawn: halves, halves of halves and so on meet each of the others."""
    operation = context.operation.label if context.operation else ""
    turns[operation, what] += 1
    return turns[operation, what] - 1


def path_of(context: schemathesis.HookContext) -> str:
    """Return the path of a request, as the OpenAPI document has it."""
    return str(context.operation.path) if context.operation else ""


def collection_of(context: schemathesis.HookContext) -> str:
    """Return the module that a request is for, or what else its path begins with."""
    names = path_of(context).split("/")[3:] or [""]
    below = names[2:3] if names[0] == "projects" else []
    return below[0] if below and below != ["members"] else names[0]


def place(collection: str, project: str = "{project_id}") -> str:
    """Return where the rows of a module are."""
    is_projects = MODULES[collection].get("owned_by") == "project"
    return f"/projects/{project}/{collection}" if is_projects else f"/{collection}"


@schemathesis.hook
def map_headers(context: schemathesis.HookContext, headers: Any) -> Any:
    """Let half of the changes be of any version: a drawn one is never the row's."""
    if not headers or turn(context, "headers") // 4 % 2:
        return headers
    return {name: value for name, value in headers.items() if name.lower() != "if-match"}


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Any, kwargs: Any) -> None:
    """Keep the project of all rows, and shorten lists of long values.

    The server refuses a line that is longer than 64 KiB.
    """
    if case.method == "DELETE" and case.path_parameters == {"project_id": PROJECT}:
        case.path_parameters["project_id"] = new_project()
    for name, values in (case.query or {}).items():
        if isinstance(values, list) and sum(len(str(value)) for value in values) > LONGEST_LIST:
            case.query[name] = values[:1]


def a_row(collection: str) -> str:
    """Return the first row of a list, making one where it is empty and that can be done."""
    url = f"{API}{place(collection, PROJECT)}"
    page = session.get(url, params={"limit": 1}, timeout=9).json()["items"]
    if not page and "create" not in MODULES[collection].get("routes", ["create"]):
        return str(uuid.uuid4())
    made = page or [create(collection, with_references(good_body(collection)))]
    identifier: str = made[0]["id"]
    return identifier


def new_parent() -> str:
    """Create a row that nothing else refers to."""
    identifier: str = create("parents", {"code": f"made {next(codes)}"})["id"]
    return identifier


def new_project() -> str:
    """Create a project that nothing belongs to."""
    answer = session.post(f"{API}/projects", json={"name": "made"}, timeout=9)
    identifier: str = answer.json()["id"]
    return identifier


def create(collection: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a row and return it."""
    answer = session.post(f"{API}{place(collection, PROJECT)}", json=body, timeout=9)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row
