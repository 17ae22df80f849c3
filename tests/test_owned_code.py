"""Generated code of owned rows takes the owner everywhere."""

from __future__ import annotations

import ast

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cofee.engine.render import Renderer
from cofee.spec.names import snake
from tests.strategies import Record, modules, options_of
from tests.test_blueprint import render, renderer, validate

__all__ = ["renderer"]  # pytest finds the fixture by its name

OWNERS = {"user": "user_id", "project": "project_id"}
Method = ast.FunctionDef | ast.AsyncFunctionDef


@given(modules())
@settings(
    max_examples=12,
    phases=[Phase.generate],  # shrinking a specification takes minutes, and it is small as it is
    suppress_health_check=list(HealthCheck),
)
def test_every_method_and_route_takes_the_owner(renderer: Renderer, records: list[Record]) -> None:
    """It is the first parameter, it is required, and repositories scope by it alone."""
    files = render(renderer, records)
    named = identifiers(records)
    for module in records:
        folder = f"app/modules/{module['name']}"
        owner = OWNERS.get(module.get("owned_by", ""))
        shared = shared_references(module, records)
        for method in functions(files[f"{folder}/repository.py"]):
            check_parameters(method, owner, named)
            scopes = [owner] if owner and method.name != "__init__" else []
            assert scopes_of(method) == scopes, method.name
        for method in functions(files[f"{folder}/service.py"]):
            check_parameters(method, None if method.name in shared else owner, named)
        for route in functions(files[f"{folder}/router.py"]):
            check_route(route, module.get("owned_by"), named)
        for other in records:
            if "owned_by" in other and owner is None:
                assert f"app.modules.{other['name']}." not in files[f"{folder}/models.py"]


def identifiers(records: list[Record]) -> set[str]:
    """Return the identifiers that are called after a module or a reference, not after an owner."""
    fields = [field for module in records for field in module["fields"]]
    return {f"{field['name']}_id" for field in fields} | {
        f"{snake(module['entity'])}_id" for module in records
    }


def check_parameters(method: Method, owner: str | None, named: set[str]) -> None:
    """Check that a method takes the owner after `self`, or takes no owner."""
    required = method.args.args[: len(method.args.args) - len(method.args.defaults)]
    names = [argument.arg for argument in required]
    if owner is None or method.name == "__init__":
        assert not {*names} & {*OWNERS.values()} - named, method.name
    else:
        assert names[:2] == ["self", owner], method.name


def check_route(route: Method, owner: str | None, named: set[str]) -> None:
    """Check that a route requires a user: for a change, one who may change something."""
    first = route.args.args[0]
    if owner is None:
        assert first.arg not in {*OWNERS.values()} - named, route.name
        return
    reads = ".get(" in ast.unparse(route.decorator_list[0])
    whose = {"user": "CurrentUserId", "project": "ReadableProject" if reads else "WritableProject"}
    assert ast.unparse(first) == f"{OWNERS[owner]}: {whose[owner]}", route.name


def functions(text: str) -> list[Method]:
    """Return the functions of a file, and the methods of its classes."""
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, Method)]


def scopes_of(method: Method) -> list[str]:
    """Return what a method of a repository scopes by, each time that it reads or writes rows."""
    found = []
    for node in ast.walk(method):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("self._live", "require_owner"):
            found += [ast.unparse(argument) for argument in node.args[-1:]]
        elif isinstance(node, ast.Compare) and ast.unparse(node.left).endswith("_id"):
            found.append(ast.unparse(node.comparators[0]))
    return found


def shared_references(module: Record, records: list[Record]) -> set[str]:
    """Return the methods that read the rows of all owners, because the deleted row has none."""
    owned = {one["name"] for one in records if "owned_by" in one}
    return {
        f"on_{field['name']}_delete"
        for field in module["fields"]
        if field["type"] in ("ref", "one") and field["to"] not in owned
    }


@pytest.mark.parametrize(
    ("owner", "options", "field", "problem"),
    [
        (
            "user",
            {},
            {},
            "module `notes` has rows owned by a user, which `auth: none` does not have",
        ),
        (
            "project",
            {"auth": "jwt"},
            {},
            "module `notes` has rows owned by a project, which `isolation: none` does not have",
        ),
        (
            "team",
            {"auth": "jwt"},
            {},
            "`owned_by` of `notes` must be `user` or `project`, not `team`",
        ),
        (
            "user",
            {"auth": "jwt"},
            {"name": "user_id", "type": "uuid"},
            "field `notes.user_id` has the column `user_id`, which is the owner's",
        ),
        (
            "project",
            {"auth": "jwt", "isolation": "project"},
            {"name": "project", "type": "ref", "to": "plain"},
            "field `notes.project` has the column `project_id`, which is the owner's",
        ),
        (
            "user",
            {"auth": "jwt", "isolation": "project"},
            {"name": "near", "type": "ref", "to": "theirs"},
            "field `notes.near` refers to `theirs`, whose rows are owned by a project, so rows of",
        ),
        (
            None,
            {"auth": "jwt", "isolation": "project"},
            {"name": "near", "type": "many", "to": "theirs"},
            "field `notes.near` refers to `theirs`, whose rows are owned by a project, so rows of",
        ),
    ],
)
def test_owners_that_cannot_be_are_named(
    renderer: Renderer, owner: str | None, options: Record, field: Record, problem: str
) -> None:
    """The questionnaire says in one sentence what is wrong with an owner."""
    theirs = {"name": "theirs", "entity": "Their", "fields": [], "owned_by": "project"}
    records: list[Record] = [
        {"name": "plain", "entity": "Plain", "fields": []},
        *([theirs] if "isolation" in options else []),
        {"name": "notes", "entity": "Note", "fields": [field] if field else []},
    ]
    records[-1].update({"owned_by": owner} if owner else {})
    assert validate(renderer, records, **options).startswith(problem)


def test_modules_without_an_owner_know_nothing_of_owners(renderer: Renderer) -> None:
    """Nothing of it is in a service until a module asks for it."""
    records = [{"name": "notes", "entity": "Note", "fields": []}]
    answers = renderer.settle({"modules": records, "auth": "jwt"}, {}, "service")
    tree = renderer.render(answers, "copy")
    assert not [path for path in tree if "owner" in path or path == "tests/contract/projects.py"]
    assert options_of(records) == {"auth": "none", "isolation": "none"}
