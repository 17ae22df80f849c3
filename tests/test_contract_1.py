"""Services of a template that speaks contract 1: the facts about it are data of the command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cofee.template import template as templates
from tests.conftest import Run, snapshot
from tests.generated import make_service, template_since
from tests.strategies import FACTS
from tests.tiny import run_git

OLD = "003af42049"  # a commit that speaks contract 1
MODULES = [
    {
        "name": "products",
        "entity": "Product",
        "fields": [
            {"name": "sku", "type": "str", "unique": True},
            {"name": "price", "type": "decimal", "precision": 10, "scale": 2},
        ],
        "owned_by": "user",
        "indexes": [["sku", "price"]],
    },
]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A repository with a commit of contract 1 as v0.1.0 and the template as v0.2.0."""
    return template_since(OLD, tmp_path / "template")


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Path:
    """A committed service of the old template."""
    root = make_service(template, tmp_path / "service", {"modules": MODULES}, ref="v0.1.0")
    run_git(root, "init", "--quiet", "--initial-branch=main")
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "first")
    return root


def test_facts_of_contract_1_are_those_that_followed(template: Path) -> None:
    """Contract 1 and the contract after it begin with the same facts."""
    facts = templates.latest(str(template), "v0.1.0").facts

    assert facts.folders("products") == ["app/modules/products", "tests/modules/products"]
    assert list(facts.rules) == [rule for rule in FACTS.rules if rule in facts.rules]
    assert facts.types.keys() == {
        name for name, one in FACTS.types.items() if not (one.target or one.needs)
    }
    assert facts.routes == FACTS.routes


def test_commands_change_a_service_before_its_update(service: Path, cofee: Run) -> None:
    """Each command renders the recorded commit by its own facts."""
    before = snapshot(service)
    steps = (
        ("new-module", "orders", "product:ref:products", "note:text:null", "--owned-by", "user"),
        ("add-field", "products", "weight:float:null:sort"),
        ("change-module", "products", "--search", "sku", "--version-column"),
        ("rename-module", "products", "articles"),
    )
    for step in steps:
        ran = cofee(*step, "-C", service)
        assert ran.code == 0, ran.err
    for _ in steps:
        ran = cofee("undo", "--yes", "-C", service)
        assert ran.code == 0, ran.err

    assert snapshot(service) == before


def test_update_reaches_the_new_contract(service: Path, cofee: Run) -> None:
    """The service is carried over, with its edits, and works on by the facts of the template."""
    ignored = service / ".dockerignore"
    ignored.write_text(ignored.read_text() + "\nmine.txt\n")

    ran = cofee("update", "--defaults", "-C", service)

    assert ran.code == 0, ran.err
    answers = yaml.safe_load((service / ".copier-answers.yml").read_text())
    assert answers["_commit"] == "v0.2.0"
    assert len(answers["_commit_hash"]) == 40
    assert "mine.txt" in ignored.read_text()
    added = cofee("add-field", "products", "weight:float:null:sort", "-C", service)
    assert added.code == 0, added.err
