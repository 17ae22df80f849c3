"""The lists of reserved names are those that databases, libraries and generated code refuse."""

from __future__ import annotations

import ast
import json
import keyword
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from cofee.engine.render import Renderer
from cofee.files import Tree
from cofee.spec import reserved
from cofee.template.template import Template
from tests import every, generated
from tests.strategies import FACTS, Record

ASKING = Path(__file__).with_name("asking.py")
FOUND = {
    "name": "found",
    "entity": "Found",
    "fields": [
        {"name": "title", "type": "str"},
        {"name": "vector", "type": "vector", "dimension": 8, "nullable": True},
    ],
    "embed": ["title"],
}
BLUEPRINT = "template/app/modules/{% yield module from views %}{{ module.name }}{% endyield %}"
SCHEMAS = generated.REPOSITORY / BLUEPRINT / "schemas.py.jinja"
VIEW = (generated.REPOSITORY / "macros/view.jinja").read_text()


@cache
def modules() -> list[Record]:
    """Give every type and every rule."""
    return [*every.owned_modules(), FOUND]


def stated(kind: str, *words: str) -> set[str]:
    """Return the reserved names whose reason has one of the words."""
    return {
        name
        for reason, names in FACTS.reserved[kind].items()
        if any(word in reason for word in words)
        for name in names.pattern.split("|")
    }


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What the databases and libraries of a service refuse."""
    template = generated.snapshot_template(tmp_path_factory.mktemp("template") / "template")
    python = generated.environment(template) / "bin/python"
    done = subprocess.run([python, ASKING], capture_output=True, text=True, check=True)
    answers: dict[str, list[str]] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def tree() -> Tree:
    """A service in which every type meets every rule."""
    renderer = Renderer(Template("template", "HEAD", generated.REPOSITORY))
    answers = {"isolation": "project", "vectors": "pgvector", "modules": modules()}
    return renderer.render(renderer.settle(answers, {}, "service"), "copy")


def parsed(tree: Tree, *names: str) -> Iterator[ast.Module]:
    """Yield the files of these names of the recorded modules."""
    for module in modules():
        for name in names:
            yield ast.parse(tree[f"app/modules/{module['name']}/{name}.py"].content)


def loaded(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node reads."""
    for found in ast.walk(node):
        if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Load):
            yield found.id


def bindings(file: ast.Module) -> Iterator[str]:
    """Yield the names that the statements of a file bind."""
    for node in file.body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from map(ast.unparse, node.targets)
        elif isinstance(node, ast.ClassDef):
            yield node.name


def imports(file: ast.Module) -> Iterator[str]:
    """Yield the names that a file imports from the code that modules share."""
    for node in file.body:
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("app.modules"):
            yield from (alias.name for alias in node.names)


@pytest.mark.service
def test_databases_refuse_the_stated_names(asked: Mapping[str, list[str]]) -> None:
    assert stated("fields", "PostgreSQL") == {*asked["columns"]}
    assert stated("modules", "PostgreSQL") == {*asked["tables"]}
    assert {*asked["conditions"]} == reserved.SQL


@pytest.mark.service
def test_models_refuse_the_stated_names(asked: Mapping[str, list[str]]) -> None:
    refused = {name for name in asked["pydantic"] if FACTS.conflict("fields", name)}
    assert refused == {*asked["pydantic"]}
    assert stated("fields", "Pydantic") - {*asked["pydantic"]} == {
        "model_dump.*",
        "model_validate.*",
    }
    assert stated("fields", "SQLAlchemy") == {*asked["sqlalchemy"]}


def test_python_keywords_are_the_stated_names() -> None:
    assert stated("fields", "Python") | stated("classes", "Python") == {*keyword.kwlist}
    assert stated("modules", "Python") == stated("fields", "Python")


def test_fields_would_hide_the_stated_names(tree: Tree) -> None:
    """Pydantic and SQLAlchemy read the annotations of a class in the scope of its body."""
    names: set[str] = set()
    for file in parsed(tree, "models", "schemas"):
        for defined in (node for node in file.body if isinstance(node, ast.ClassDef)):
            for node in defined.body:
                read = node.decorator_list if isinstance(node, ast.FunctionDef) else [node]
                names |= {name for part in read for name in loaded(part)}
    fields = {field["name"] for module in modules() for field in module["fields"]}
    own = {name for name in names if "__" in name or name.removesuffix("_id") in fields}

    assert {name for name in names - own if name.islower()} == stated("fields", "would hide")


def test_entities_would_clash_with_the_stated_names(tree: Tree) -> None:
    """The files with the model of a module cannot import anything else of its name."""
    entities = {module["entity"] for module in modules()}
    names: set[str] = set()
    for file in parsed(tree, "models", "repository", "service"):
        imported = {
            alias.name
            for node in ast.walk(file)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assigned = {
            name.id
            for node in file.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for name in ast.walk(node)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        names |= imported | assigned
    endings = tuple(filter(None, FACTS.classes))
    clashing = {name for name in names if re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)}
    clashing = {name for name in clashing if not name.endswith(endings)} - entities
    shared = {name for file in parsed(tree, "schemas", "repository") for name in imports(file)}
    clashing |= {
        name.removesuffix(ending) for name in shared for ending in endings if name.endswith(ending)
    }

    assert clashing == stated("classes", "generated code")


def test_aliases_of_fields_hide_no_name_of_schemas() -> None:
    """A field `expand` has the alias `ExpandValue`, because schemas.py can import `Expand`."""
    imported = re.findall(r"^from app\.common\S+ import (.*)", SCHEMAS.read_text(), re.MULTILINE)
    names = {*re.findall(r"\b[A-Z]\w+", " ".join(imported))}
    names |= {f"Item{ending}" for ending in (*FACTS.classes, "Publish", "Count")}
    snakes = sorted({re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower() for name in names})
    fields = [
        {"name": name, "type": "str"} for name in snakes if not FACTS.conflict("fields", name)
    ]
    related = {"name": "related", "type": "many", "to": "items", "expand": True, "json_name": "to"}
    items = {
        "name": "items",
        "entity": "Item",
        "fields": [*fields, related],
        "aggregates": ["count"],
        "tasks": [{"name": "publish", "fields": fields[:1]}],
        "own_tools": [{"name": "count", "fields": fields[:1], "writes": False}],
    }
    answers = {"json_names": "camel", "tasks": "dramatiq", "mcp": True, "modules": [items]}
    renderer = Renderer(Template("template", "HEAD", generated.REPOSITORY))
    rendered = renderer.render(renderer.settle(answers, {}, "service"), "copy")
    bound = [*bindings(ast.parse(rendered["app/modules/items/schemas.py"].content))]

    assert {"ExpandValue", "ItemStatsValue", "ItemPublishValue"} < {*bound}
    assert [name for name in bound if bound.count(name) > 1] == []


def test_variables_of_modules_hide_no_name_of_functions(tree: Tree) -> None:
    """A module `values` calls its rows `value_row`."""
    found = re.search(r'TAKEN = """(.*?)"""', VIEW, re.DOTALL)
    assert found is not None
    taken = {*found[1].split()}
    names: set[str] = set()
    for file in parsed(tree, "repository", "service", "router"):
        functions = [
            n for n in ast.walk(file) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for function in functions:
            names |= {*loaded(function)} | {
                n.arg for n in ast.walk(function) if isinstance(n, ast.arg)
            }
    variables = "|".join(
        re.sub(r"(?<=[a-z])([A-Z])", r"_\1", one["entity"]).lower() for one in modules()
    )
    own = re.compile(rf"({variables})(_row)?(_ids?)?|\w+_(id|service)|[A-Z].*")

    assert {name for name in names if not own.fullmatch(name)} <= taken
