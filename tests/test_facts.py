"""Facts of the template that plain Python of a service states too: both say the same."""

from __future__ import annotations

import ast
import importlib.util
from typing import Any

import pytest

from cofee.cli import options
from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.spec.facts import read_facts
from cofee.template.template import Template
from tests.generated import read
from tests.strategies import FACTS, ROOT

BASE = ROOT / "template/app/db/base.py"
STATED: dict[str, Any] = read("macros/facts.yml")
TYPES: dict[str, Any] = read("macros/types.yml")


def constant(name: str) -> Any:
    """Return a constant of `app/db/base.py`."""
    for node in ast.parse(BASE.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(name)


def attributes(source: bytes, *classes: str) -> set[str]:
    """Return the annotated attributes of some classes of a file."""
    return {
        statement.target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name in classes
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


def test_naming_convention_is_the_stated_one() -> None:
    """SQLAlchemy names constraints as migrations and the command do."""
    table, columns = "%(table_name)s", "%(column_0_N_name)s"

    assert constant("NAMING_CONVENTION") == {
        "ix": FACTS.name("index", "%(column_0_label)s").replace("__", "_"),
        "uq": FACTS.name("unique", table, columns),
        "ck": FACTS.name("check", table, "%(constraint_name)s"),
        "fk": FACTS.name("foreign_key", table, columns),
        "pk": FACTS.name("primary_key", table),
    }


def test_unique_index_has_the_stated_name() -> None:
    """`unique_key` of a service names an index over several columns."""
    spec = importlib.util.spec_from_file_location("indexes", ROOT / "template/app/db/indexes.py")
    assert spec is not None
    assert spec.loader is not None
    indexes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(indexes)

    name = indexes.unique_key("products", "sku", "shelf").name

    assert name == FACTS.name("unique", "products", "sku_shelf")


def test_reserved_columns_are_those_of_every_table() -> None:
    """A field cannot have the name of one."""
    source = (ROOT / "template/app/db/base.py").read_bytes()
    found = attributes(source, "RowMixin", "BaseModelMixin")

    assert found == {name for name in found if FACTS.conflict("fields", name)}


def test_reserved_parameters_are_those_of_every_list() -> None:
    """A filter cannot have the name of one."""
    renderer = Renderer(Template(str(ROOT), "HEAD", ROOT))
    tree = renderer.render(renderer.settle({}, {}), "copy")
    found = attributes(tree["app/common/schemas.py"].content, "PageQuery")

    assert found == {name for name in found if FACTS.conflict("filters", name)}


def test_classes_of_a_module_are_the_stated_ones() -> None:
    """A rendered module defines each of them, and no other that begins with its entity."""
    renderer = Renderer(Template(str(ROOT), "HEAD", ROOT))
    own = {"name": "parent", "type": "ref", "to": "products", "nullable": True, "expand": True}
    vector = {"name": "vector", "type": "vector", "dimension": 8, "nullable": True}
    fields = [{"name": "sku", "type": "str", "sort": True}, own, vector]
    rules = {"aggregates": ["count"], "embed": ["sku"]}
    module = {"name": "products", "entity": "Product", "fields": fields, **rules}
    answers = {"modules": [module], "vectors": "pgvector"}
    tree = renderer.render(renderer.settle(answers, {}), "copy")
    folder = FACTS.folders("products")[0]

    names = {
        name
        for path, file in tree.items()
        if path.startswith(f"{folder}/")
        for node in ast.parse(file.content).body
        for name in defined(node)
    }

    assert {name for name in names if name.startswith("Product")} == {*FACTS.classes_of("Product")}


def defined(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines at the top level."""
    if isinstance(node, ast.ClassDef):
        return [node.name]
    return [ast.unparse(target) for target in node.targets] if isinstance(node, ast.Assign) else []


def test_options_of_rules_are_those_of_the_command_line() -> None:
    """A rule with a separate option can be given by it."""
    taken = {
        word
        for name in dir(options)
        for option in getattr(getattr(options, name), "__metadata__", ())
        for words in (option.default, *(option.param_decls or ()))
        for word in words.split("/")
    }

    assert {rule.option for rule in FACTS.rules.values() if rule.option} <= taken


@pytest.mark.parametrize("fact", STATED)
def test_missing_fact_is_named(fact: str) -> None:
    """The author of a fork learns which one, without a traceback."""
    rest = {name: value for name, value in STATED.items() if name != fact}

    with pytest.raises(CofeeError, match=rf"`facts\.yml` has no '{fact}'"):
        read_facts(rest, TYPES, "`facts.yml`")


@pytest.mark.parametrize(
    "broken",
    [
        {"layout": 3},
        {"rules": {"audited": {"sort": "flag"}}},
        {"definitions": {"tables": {"folder": "app", "pattern": "("}}},
    ],
)
def test_broken_fact_is_named(broken: dict[str, Any]) -> None:
    """A fact of another form is an error of the template, not of the command."""
    with pytest.raises(CofeeError, match=r"`facts\.yml` is invalid"):
        read_facts({**STATED, **broken}, TYPES, "`facts.yml`")
