"""Modules and fields in a shape that nothing can be made of: one sentence, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from cofee.errors import CofeeError
from cofee.spec import yaml_input
from tests.conftest import Run, snapshot
from tests.strategies import FACTS
from tests.tiny import FILES, release

FIELD = "modules: [{{name: a, entity: A, fields: [{{name: x, type: str, {}}}]}}]"
BROKEN = {
    "modules: 5": "must be a list",
    "modules: [5]": "number 1: `5` must be a module record",
    "modules: [{name: a}]": "`a`: its `entity` must be text, not `None`",
    "modules: [{name: 5, entity: A, fields: []}]": "its `name` must be text, not `5`",
    "modules: [{name: a, entity: A, fields: }]": "must be a list",
    "modules: [{name: a, entity: A, fields: [x]}]": "`x` is not a field",
    "modules: [{name: a, entity: A, fields: [{name: x}]}]": "`x`: it has no type",
    FIELD.format("max_length: x"): "must be an integer",
    FIELD.format("min: [1]"): "`x`: `min` must be text, a number, or true or false",
    FIELD.format('nullable: "no"'): "true or false",
    FIELD.format("values: x"): "must be a list",
    FIELD.format('pattern: "("'): "`str` cannot have `pattern`",
    FIELD.format("colour: red"): "the key `colour` is unknown",
    FIELD.format("type: int, default: nan"): "the default `nan` must be an integer",
    "modules: [{name: a, entity: A, fields: [], owner: user}]": "`a`: the key `owner` is unknown",
    "modules: [{name: a, entity: A, fields: [], deleton: hard}]": "did you mean `deletion`?",
    "modules: [{name: a, entity: A, fields: [], routes: []}]": "at least one route",
    "modules: [{name: a, entity: A, fields: [], indexes: [x]}]": "a list of lists of field names",
    "modules: [{name: a, entity: A, fields: [], routes: list}]": "a list of routes",
    "modules: [{name: a, entity: A, fields: [], versioned: 1}]": "must be true or false",
}


@pytest.mark.parametrize("text", BROKEN)
def test_data_of_a_wrong_shape_is_refused(
    text: str, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """By option and by file alike."""
    file = tmp_path / "data.yml"
    file.write_text(text)
    option = ["--data", text.replace("modules: ", "modules=", 1)]
    for given in (option, ["--data-file", file]):
        ran = cofee("new", tmp_path / "shop", "--defaults", "--template", template, *given)

        assert (ran.code, "Traceback" in ran.err) == (1, False)
        assert BROKEN[text] in ran.err
        assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("command", [["status"], ["update"], ["add-field", "a", "b:int:null"]])
def test_answers_of_a_wrong_shape_are_refused(command: list[str], shop: Path, cofee: Run) -> None:
    """Whichever command reads them first."""
    path = shop / ".copier-answers.yml"
    path.write_text(f"{path.read_text().partition('modules:')[0]}\nmodules: [{{name: 5}}]\n")
    before = snapshot(shop)

    ran = cofee(*command, "-C", shop)

    assert (ran.code, snapshot(shop)) == (1, before)
    assert "number 1: its `name` must be text, not `5`" in ran.err


@pytest.mark.parametrize("command", [["status"], ["update"], ["add-field", "a", "b:int:null"]])
def test_answers_with_a_misspelt_rule_are_refused(
    command: list[str], shop: Path, cofee: Run
) -> None:
    """An unknown rule would be ignored silently."""
    path = shop / ".copier-answers.yml"
    path.write_text(path.read_text().replace("-   entity:", "-   serach: []\n    entity:"))
    before = snapshot(shop)

    ran = cofee(*command, "-C", shop)

    assert (ran.code, snapshot(shop)) == (1, before)
    assert "`customers`: the key `serach` is unknown" in ran.err
    assert "did you mean `search`?" in ran.err


def test_which_rules_there_are_is_the_templates_to_say(
    shop: Path, template: Path, cofee: Run
) -> None:
    """One that is newer than the command is kept, and not given to a template without it."""
    rules = "_cofee_rules: [archived, "
    newer = FILES["copier.yml"].replace("_cofee_rules: [", rules)
    release(template, "v1.1.0", {"copier.yml": newer})
    assert cofee("update", "-C", shop).code == 0
    path = shop / ".copier-answers.yml"
    path.write_text(path.read_text().replace("-   entity:", "-   archived: 1\n    entity:"))

    added = cofee("add-field", "customers", "size:int:null", "-C", shop)
    back = cofee("update", "--to", "v1.0.0", "-C", shop)

    assert (added.code, "archived: 1" in path.read_text()) == (0, True)
    assert back.code == 1
    assert "for template `v1.0.0`: `customers`: the key `archived` is unknown" in back.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fields:", "must be a list of fields"),
        ("fields: 5", "must be a list of fields"),
        ("fields: {a: str}", "must be a list of fields"),
        ("name: orders", "must be a list of fields"),
        ("fields: []\nfeilds: []", "`feilds` is unknown"),
        ("- a", "must contain a mapping"),
    ],
)
def test_a_file_of_fields_must_hold_a_list(text: str, words: str, tmp_path: Path) -> None:
    """Anything else is named."""
    path = tmp_path / "orders.yml"
    path.write_text(text)

    with pytest.raises(CofeeError, match=words):
        yaml_input.read_module(path, FACTS)


def test_fields_and_rules_of_a_file_are_read(tmp_path: Path) -> None:
    """Records and specifications, unchanged."""
    path = tmp_path / "orders.yml"
    text = "name: orders\nentity: Order\nfields: [a:int, {name: b, type: str}]\nversioned: true\n"
    path.write_text(text)

    fields = ["a:int", {"name": "b", "type": "str"}]
    assert yaml_input.read_module(path, FACTS) == (fields, {"versioned": True})
