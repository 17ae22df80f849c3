"""A module serves the routes that its rule names, for all types of its fields."""

from __future__ import annotations

import ast

import pytest

from cofee.engine.render import Renderer
from cofee.template.template import Template
from tests.every import ARGUMENTS
from tests.strategies import FACTS, ROOT, TYPES, Record

# The method and the path, below the module's own, of each route.
SERVED = {
    "create": ("post", ""),
    "list": ("get", ""),
    "read": ("get", "/{thing_id}"),
    "replace": ("put", "/{thing_id}"),
    "update": ("patch", "/{thing_id}"),
    "delete": ("delete", "/{thing_id}"),
}
PARENT: Record = {"name": "parents", "entity": "Parent", "fields": []}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    """The template in the working tree."""
    return Renderer(Template(str(ROOT), "HEAD", ROOT))


def served(renderer: Renderer, kind: str, routes: list[str]) -> set[tuple[str, str]]:
    """Return what the router of a module with one field of a type serves for its rows."""
    field = {"name": "value", "type": kind, **ARGUMENTS[TYPES[kind]["argument"]]}
    thing = {"name": "things", "entity": "Thing", "fields": [field], "routes": routes}
    answers = renderer.settle({"modules": [PARENT, thing], "auth": "none"}, {}, "service")
    source = renderer.render(answers, "copy")["app/modules/things/router.py"].content.decode()
    return {
        (decorator.func.attr, str(decorator.args[0].value))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and isinstance(decorator.func.value, ast.Name)
        and decorator.func.value.id == "router"
        and isinstance(decorator.args[0], ast.Constant)
    }


@pytest.mark.parametrize("kind", TYPES)
def test_every_pair_of_a_route_and_a_type(
    renderer: Renderer, kind: str, request: pytest.FixtureRequest
) -> None:
    """A route alone, and every route but one: served are those, and no other.

    Types that are a column each meet one route in rotation, and all by `--every-cell`.
    """
    routes = list(FACTS.routes)
    if TYPES[kind]["argument"] != "module" and not request.config.getoption("every_cell"):
        routes = [routes[list(TYPES).index(kind) % len(routes)]]
    for route in routes:
        others = [other for other in FACTS.routes if other != route]
        rows = set(SERVED.values())

        assert served(renderer, kind, [route]) & rows == {SERVED[route]}
        assert served(renderer, kind, ["none"]) & rows == set()
        assert served(renderer, kind, others) & rows == rows - {SERVED[route]}
