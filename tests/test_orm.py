"""Models in SQLModel: only how they are written differs, and edits are kept."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, snapshot
from tests.generated import (
    EVERY_PART,
    REPOSITORY,
    make_service,
    rendered_here,
    snapshot_template,
)

NOTES = {
    "name": "notes",
    "entity": "Note",
    "versioned": True,
    "fields": [
        {"name": "title", "type": "str", "max_length": 80, "filter": True},
        {"name": "follows", "type": "ref", "to": "notes", "nullable": True},
        {"name": "related", "type": "many", "to": "notes"},
    ],
}
BY_HAND = '''

class Audit(BaseModelMixin, Base):
    """A model written by hand."""
'''


def test_only_models_differ() -> None:
    """Migrations, tests and the other layers have the same bytes."""
    answers = {**EVERY_PART, "cache": "redis", "modules": [NOTES]}
    of_sqlmodel = rendered_here({**answers, "orm": "sqlmodel"})
    of_sqlalchemy = rendered_here({**answers, "orm": "sqlalchemy"})

    changed = {path for path, file in of_sqlmodel.items() if of_sqlalchemy.get(path) != file}
    models = {path for path in of_sqlmodel if path.endswith("/models.py")}

    assert of_sqlalchemy.keys() < of_sqlmodel.keys()
    assert changed - models == {
        *(".copier-answers.yml", "AGENTS.md", "pyproject.toml"),
        *("app/db/sqlmodel.py", "app/db/versions.py"),
    }
    assert models <= changed
    assert [path for path in models if b"mapped_column" in of_sqlmodel[path].content] == []


VARIANTS = sorted((REPOSITORY / "template/app/modules").glob("*/*'sqlmodel'*models.py*"))


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.parent.name.split("}")[1][:-2])
def test_models_of_parts_are_the_same_in_both(path: Path) -> None:
    """Columns, indexes, methods and comments: what one has, the other has too."""
    other = path.with_name(path.name.replace("sqlmodel", "sqlalchemy"))

    assert contents(path) == contents(other)


def contents(path: Path) -> dict[str, dict[str, Any]]:
    """Return the attributes of each class in a file of models, however they are written."""
    text = path.read_text()
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    comments = [line.strip() for line in text.splitlines() if line.strip().startswith("#")]
    return {
        "comments": dict.fromkeys(comments),
        "bases": {node.name: list(map(ast.unparse, node.bases)) for node in classes},
        **{node.name: dict(map(attribute, node.body)) for node in classes},
    }


def attribute(node: ast.stmt) -> tuple[str, Any]:
    """Return the name of an attribute, and what it is in either library."""
    if not isinstance(node, ast.AnnAssign):
        return getattr(node, "name", ast.unparse(node).partition(" ")[0]), ast.unparse(node)
    call, annotation = node.value, node.annotation
    assert isinstance(call, ast.Call)
    assert isinstance(annotation, ast.Subscript)
    if ast.unparse(call.func) == "Relationship":
        call = call.keywords[0].value
        assert isinstance(call, ast.Call)
    return ast.unparse(node.target), (ast.unparse(annotation.slice), arguments(call))


def arguments(call: ast.Call) -> dict[str | None, str]:
    """Return the arguments of a column by their names in SQLModel."""
    found = {key.arg: ast.unparse(key.value) for key in call.keywords}
    for given in call.args:
        if isinstance(given, ast.Call) and ast.unparse(given.func) == "sa.ForeignKey":
            found |= {key.arg: ast.unparse(key.value) for key in given.keywords}
            found["foreign_key"] = ast.unparse(given.args[0])
        else:
            found["sa_type"] = ast.unparse(given)
    if "info" in found:
        found["sa_column_kwargs"] = f"{{'info': {found.pop('info')}}}"
    return {name: text for name, text in found.items() if (name, text) != ("default", "None")}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service with a module."""
    released = snapshot_template(tmp_path / "template")
    return make_service(released, tmp_path / "shop", {"auth": "none", "modules": [NOTES]})


def test_option_and_back_keeps_edits(shop: Path, cofee: Run) -> None:
    path = shop / "app/modules/notes/models.py"
    path.write_text(path.read_text() + BY_HAND)
    before = snapshot(shop)

    assert cofee("set", "orm=sqlmodel", "-C", shop).code == 0
    assert "class Note(VersionMixin, BaseModelMixin, Listed, Base, table=True):" in path.read_text()
    assert path.read_text().endswith(BY_HAND)
    assert cofee("set", "orm=sqlalchemy", "-C", shop).code == 0

    assert snapshot(shop) == before


def test_names_that_models_import_are_refused(shop: Path, cofee: Run) -> None:
    """A class of that name would hide the import."""
    assert cofee("new-module", "fields", "name:str", "-C", shop).code == 0

    refused = cofee("set", "orm=sqlmodel", "-C", shop)

    assert refused.code == 1
    assert "the name `Field` is taken by `orm: sqlmodel`" in " ".join(refused.err.split())
