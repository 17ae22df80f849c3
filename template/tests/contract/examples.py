"""Arguments of tasks and tools, as their schemas describe them."""

from __future__ import annotations

import uuid
from typing import Any

from tests.api import JSON


def examples_of(schema: JSON) -> JSON:
    """Return values of the required properties of a JSON schema."""
    properties = schema.get("properties", {})
    return {name: example(properties[name]) for name in schema.get("required", ())}


def example(described: JSON) -> Any:
    """Return a value of a property in a JSON schema."""
    if values := described.get("examples") or described.get("enum"):
        return values[0]
    if described.get("format") == "uuid":
        return str(uuid.uuid4())
    kinds = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return kinds.get(described.get("type", ""), "alpha")
