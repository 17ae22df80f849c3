"""The rules of a module change through all layers, and follow what happens to its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cofee.spec import record
from tests.conftest import Run, snapshot
from tests.test_evolve import newest_migration
from tests.tiny import FILES, release

RULES = [
    *("--unique-together", "name,age", "--index", "age,name", "--index", "name"),
    *("--check", "age > 0", "--only", "list,create", "--search", "name", "--version-column"),
]
RECORDED = {
    "unique_together": [["name", "age"]],
    "indexes": [["age", "name"], ["name"]],
    "checks": ["age > 0"],
    "routes": ["create", "list"],
    "search": ["name"],
    "versioned": True,
}


def recorded(shop: Path, module: str = "customers") -> dict[str, Any]:
    """Return the recorded rules of a module; the examples follow from the checks."""
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())
    found: dict[str, Any] = next(one for one in answers["modules"] if one["name"] == module)
    return {key: found[key] for key in record.RULES if key in found and key != "examples"}


def migrations(shop: Path) -> list[str]:
    """Return the names of the migrations."""
    return sorted(path.name for path in (shop / "migrations/versions").iterdir())


def test_new_module_takes_rules(shop: Path, cofee: Run) -> None:
    """As options, and from a file beside the fields."""
    given = ["name:str", "age:int"]
    assert cofee("new-module", "clients", *given, *RULES, "-C", shop).code == 0
    file = shop / "owners.yml"
    file.write_text(yaml.safe_dump({"fields": given, **RECORDED}))
    assert cofee("new-module", "owners", "--from", file, "--check", "age > 1", "-C", shop).code == 0

    assert recorded(shop, "clients") == RECORDED
    assert recorded(shop, "owners") == {**RECORDED, "checks": ["age > 1"]}


def test_rules_are_added_replaced_and_emptied(shop: Path, cofee: Run) -> None:
    """A list that is given replaces the one that was there; others stay."""
    assert cofee("change-module", "customer", *RULES, "-C", shop).code == 0
    assert recorded(shop) == RECORDED
    assert "change_rules" in newest_migration(
        shop, "change_customers_unique_together_indexes_checks_routes_searc"
    )

    fewer = ["--index", "age", "--only", "all", "--unique-together", "", "--hard-delete"]
    assert cofee("change-module", "customers", *fewer, "-C", shop).code == 0
    kept = {key: RECORDED[key] for key in ("checks", "search", "versioned")}
    assert recorded(shop) == {"indexes": [["age"]], "deletion": "hard", **kept}

    none = ["--index", "", "--check", "", "--search", "", "--soft-delete", "--no-version-column"]
    assert cofee("change-module", "customers", *none, "-C", shop).code == 0
    assert recorded(shop) == {}


def test_what_the_database_does_not_know_needs_no_migration(shop: Path, cofee: Run) -> None:
    """Routes live in the code."""
    before = migrations(shop)

    ran = cofee("change-module", "customers", "--read-only", "-C", shop)

    assert (ran.code, migrations(shop)) == (0, before)
    assert "removes the routes `create`, `replace`, `update`, `delete`" in ran.err


def test_narrowing_is_said_before_it_is_written(shop: Path, cofee: Run) -> None:
    """Existing rows may not satisfy a new rule."""
    ran = cofee("change-module", "customers", *RULES, "--hard-delete", "--dry-run", "-C", shop)

    assert "`name,age` becomes unique together" in ran.err
    assert "`age > 0` becomes a rule" in ran.err
    assert "the migration fails while the table has soft-deleted rows" in ran.err
    assert recorded(shop) == {}


def test_rules_follow_their_fields(shop: Path, cofee: Run) -> None:
    """A renamed field is renamed in them, and one that they name cannot go."""
    cofee("change-module", "customers", *RULES, "-C", shop)

    assert cofee("rename-field", "customers", "age", "years", "-C", shop).code == 0
    refused = cofee("remove-field", "customers", "years", "-C", shop)

    assert recorded(shop) == {
        **RECORDED,
        "unique_together": [["name", "years"]],
        "indexes": [["years", "name"], ["name"]],
        "checks": ["years > 0"],
    }
    assert "`years` is in the rule `unique_together` of `customers`" in refused.err
    assert "cofee change-module customers --unique-together" in refused.err


def test_rules_follow_their_module(shop: Path, cofee: Run) -> None:
    """A renamed module keeps its rules."""
    cofee("change-module", "customers", *RULES, "-C", shop)

    assert cofee("rename-module", "customers", "clients", "-C", shop).code == 0

    assert recorded(shop, "clients") == RECORDED


def test_field_that_no_longer_fits_its_rules_is_refused(shop: Path, cofee: Run) -> None:
    """A search looks into texts, and what is unique alone needs no other field."""
    cofee("change-module", "customers", *RULES, "-C", shop)
    before = snapshot(shop)

    for field, words in {
        "name:int": "`search`: `name` is not a text field",
        "name:str:unique": "`unique_together`: `name` is already unique, and so is `name,age`",
    }.items():
        ran = cofee("change-field", "customers", field, "-C", shop)
        assert (ran.code, snapshot(shop)) == (1, before)
        assert words in ran.err
    assert "`cofee change-module customers --unique-together …`" in ran.err


def test_rules_can_be_undone(shop: Path, cofee: Run) -> None:
    """Byte for byte."""
    before = snapshot(shop)
    cofee("change-module", "customers", *RULES, "-C", shop)

    assert cofee("undo", "-C", shop).code == 0
    assert snapshot(shop) == before


def test_status_shows_the_rules(shop: Path, cofee: Run) -> None:
    """As the options that give them."""
    cofee("change-module", "customers", *RULES, "-C", shop)

    shown = cofee("status", "-C", shop).out

    assert "          --unique-together name,age\n" in shown
    assert "          --check 'age > 0'\n" in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "there is nothing to change"),
        (["--soft-delete"], "nothing to change: the module"),
        (["--index", "nam"], "did you mean `name`?"),
        (["--check", "age > "], "is not a condition"),
    ],
)
def test_bad_rules_are_refused(options: list[str], words: str, shop: Path, cofee: Run) -> None:
    """Nothing is written."""
    before = snapshot(shop)

    ran = cofee("change-module", "customers", *options, "-C", shop)

    assert (ran.code, snapshot(shop)) == (1, before)
    assert words in ran.err


def test_a_template_without_rules_refuses_them(shop: Path, template: Path, cofee: Run) -> None:
    """Otherwise they would be recorded, and nothing would follow."""
    lines = FILES["copier.yml"].splitlines(keepends=True)
    without = "".join(line for line in lines if not line.startswith("_cofee_rules"))
    release(template, "v1.1.0", {"copier.yml": without})
    assert cofee("update", "-C", shop).code == 0

    ran = cofee("change-module", "customers", "--version-column", "-C", shop)

    assert (ran.code, "does not support the rule `versioned`" in ran.err) == (1, True)
