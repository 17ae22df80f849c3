"""The helpers of migrations, in `migrations/v1.py` and so on: who has them, and that they stay."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cofee.engine.render import Renderer
from tests import evolutions, test_migrations, test_owned_migrations, test_rule_migrations
from tests.generated import REPOSITORY
from tests.migrated import chain
from tests.refusals import REFUSALS
from tests.test_blueprint import renderer

__all__ = ["renderer"]  # pytest finds the fixture by its name

HELPERS = "migrations/v1.py"
SOURCE = REPOSITORY / "template" / HELPERS
FROZEN = {"v1.py": "e0d080a7a89f0eda", "v2.py": "70bb1f564807c295", "v3.py": "33fe437608ccc7e2"}
MODULES = evolutions.PARENTS
HELPING = {"migrations.v1", "migrations.v3", "migrations.v4"}  # modules of helpers
DROP = {"operation": "drop", "module": "gone", "record": MODULES[0]}


def render(renderer: Renderer, operation: Any = "copy", **answers: Any) -> dict[str, str]:
    """Return the files of a service below `migrations/`."""
    data = {"auth": "none", **answers}
    tree = renderer.render(renderer.settle(data, {}, "service"), operation)
    return {p: file.content.decode() for p, file in tree.items() if p.startswith("migrations/")}


@pytest.mark.parametrize("name", FROZEN)
def test_published_helpers_never_change(name: str) -> None:
    """A migration keeps its meaning: other helpers belong in a new file, such as `v4.py`."""
    content = SOURCE.with_name(name).read_bytes()

    assert hashlib.sha256(content).hexdigest()[:16] == FROZEN[name]


@pytest.mark.parametrize("answers", [{"modules": MODULES}, {"auth": "jwt"}])
def test_service_with_tables_has_the_helpers(renderer: Renderer, answers: dict[str, Any]) -> None:
    assert HELPERS in render(renderer, **answers)


def test_service_without_tables_has_no_helpers(renderer: Renderer) -> None:
    assert HELPERS not in render(renderer)


def test_helpers_stay_when_the_last_module_is_removed(renderer: Renderer) -> None:
    place = chain([DROP])
    assert HELPERS in render(renderer, migrations=place)


def test_update_adds_the_helpers_and_no_migration(renderer: Renderer) -> None:
    files = render(renderer, "update", modules=MODULES)

    assert HELPERS in files
    assert [path for path in files if path.startswith("migrations/versions/")] == []


def test_migrations_that_are_tested_use_every_helper(renderer: Renderer) -> None:
    """What no operation uses is not published, except what other helpers need."""
    inner = {"connection", "on_sqlite", "refuse", "fill", "convert", "is_live", "committed"}
    inner |= {"find", "has_constraint", "validate", "backfill", "as_literal", "commit"}
    inner |= {"add_unchecked"}
    defined = {
        node.name
        for name in ("v1.py", "v3.py", "v4.py")
        for node in ast.parse(SOURCE.with_name(name).read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }

    assert {*used(renderer)} | inner == defined


def used(renderer: Renderer) -> Iterator[str]:
    """Yield the functions that the migrations of the tests on real databases import."""
    refusing = [test_migrations.refusing(name) for name in REFUSALS]
    owned = [
        {"backfill": {}, **step, "module": name}
        for name, (_, step, *_) in test_owned_migrations.CASES.items()
    ]
    steps: Sequence[dict[str, Any]]
    for modules, steps in [
        (evolutions.NEW, [*evolutions.STEPS, *refusing]),
        (test_rule_migrations.NEW, test_rule_migrations.stepped("below")),
        ([test_owned_migrations.owned(one["module"]) for one in owned], owned),
    ]:
        answers = {"modules": modules, "migrations": chain(steps)}
        for path, text in render(renderer, auth="jwt", **answers).items():
            if path.startswith("migrations/versions/"):
                yield from imported(text)


def imported(text: str) -> Iterator[str]:
    """Yield the functions that a migration imports from the helpers."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module in HELPING:
            yield from (alias.name for alias in node.names if not alias.name.isupper())
