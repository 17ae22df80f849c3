"""The gate of records: what it reads, what it rejects, and what it leaves as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings

from cofee.errors import CofeeError
from cofee.spec.gate import check_fields, check_modules, read_modules, require_known
from cofee.spec.record import Field, Module
from tests import every, strategies
from tests.conftest import Run
from tests.generated import EXAMPLES
from tests.strategies import FACTS, Record


def read(*records: Record) -> tuple[Module, ...]:
    """Read records as an answers file holds them."""
    modules = read_modules(list(records), "the test")
    require_known(modules, FACTS, "the test")
    return modules


@pytest.mark.parametrize("example", EXAMPLES)
def test_records_of_an_example_are_written_as_they_were_read(example: str) -> None:
    """Keys keep their order, and no value changes."""
    records = EXAMPLES[example].get("modules", [])

    assert [module.to_record() for module in read(*records)] == records


def test_records_of_every_type_and_rule_are_written_as_they_were_read() -> None:
    """With every modifier and owner too."""
    records = [*every.every_module(), *every.owned_modules()]

    assert [module.to_record() for module in read(*records)] == records


@given(strategies.modules())
@settings(max_examples=60, deadline=None)
def test_random_records_are_written_as_they_were_read(records: list[Record]) -> None:
    """A module that follows every rule passes the gate unchanged."""
    assert [module.to_record() for module in read(*records)] == records


def test_keys_that_only_the_template_reads_are_carried_along() -> None:
    """A type of a newer template can bring them; the command writes them back."""
    money = replace(FACTS.types["int"], keys=("currency",))
    facts = replace(FACTS, types={**FACTS.types, "money": money})
    record = {"name": "price", "type": "money", "currency": "EUR"}

    (field,) = check_fields([record], facts, (), "products")

    assert field.to_record() == record


def test_an_unknown_key_is_rejected_with_its_module_and_field() -> None:
    """A misspelt key would be ignored."""
    field = {"name": "price", "type": "int", "maximum": 3}
    with pytest.raises(CofeeError, match="`products`: `price`: the key `maximum` is unknown"):
        read({"name": "products", "entity": "Product", "fields": [field]})


def test_all_problems_of_fields_are_reported_at_once() -> None:
    """Each with its module and field, and with what to do."""
    orders = Module("orders", "Order", (Field("total", "number"), Field("class", "str")))
    shops = Module("shops", "Shop", (Field("city", "str", max_length=0),))
    with pytest.raises(CofeeError) as caught:
        check_modules([orders, shops], FACTS)

    first, *problems = caught.value.message.splitlines()
    assert first == "there are 3 problems:"
    for words, line in zip(("`total`", "`class`", "`city`"), problems, strict=True):
        assert words in line
    assert problems[0].startswith("  `orders`: `total`: the type `number` is unknown")
    assert problems[0].endswith("did you mean `decimal`?")


def test_all_problems_of_modules_are_reported_at_once() -> None:
    """Names and rules of all modules, and the fields of each."""
    records: list[Record] = [
        {"name": "class", "entity": "Class", "fields": []},
        {"name": "Notes", "entity": "note", "fields": []},
        {"name": "things", "entity": "Thing", "fields": [{"name": "uuid", "type": "uuid"}]},
        {
            "name": "codes",
            "entity": "Page",
            "fields": [{"name": "code", "type": "str"}],
            "unique_together": [["code"], ["code", "code"], ["code", "nothing"]],
            "routes": ["lists"],
            "search": ["nowhere"],
        },
        {"name": "others", "entity": "Thing", "fields": []},
        {
            "name": "locks",
            "entity": "Lock",
            "fields": [
                {"name": "pin", "type": "str", "writeonly": True},
                {"name": "turns", "type": "int", "default": 0, "readonly": True},
            ],
            "search": ["pin"],
            "checks": ["turns >= 0"],
        },
    ]
    with pytest.raises(CofeeError) as caught:
        check_modules(read_modules(records, "the test"), FACTS)

    beginnings = [
        "`class`: `class` cannot name a module: it is a Python keyword",
        "`Notes`: `Notes` is not in snake case",
        "`things`: `uuid` cannot name a field",
        "`codes`: `Page` cannot name a class",
        "`codes`: `unique_together`: `code` must name at least two fields",
        "`codes`: `unique_together`: `code` occurs twice",
        "`codes`: the module `codes` has no field `nothing`",
        "`codes`: `routes`: `lists` is not a route",
        "`codes`: the module `codes` has no field `nowhere`",
        "`others`: the class `Thing` exists already, in the module `things`",
        "`locks`: `search`: `pin` is `writeonly`, and must not be in this rule",
        "`locks`: `checks`: `turns` is `readonly`, and must not be in this rule",
    ]
    _, *problems = caught.value.message.splitlines()
    assert len(problems) == len(beginnings)
    for line, beginning in zip(problems, beginnings, strict=True):
        assert line.strip().startswith(beginning)


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ({"type": "enum", "values": ["a", "b"], "default": "c"}, "`c` must be one of `a`, `b`"),
        ({"type": "int", "default": "abc"}, "the default `abc` must be an integer"),
        ({"type": "decimal", "precision": 40, "scale": 3}, "`40` digits are out of range"),
        ({"type": "text", "unique": True}, "`text` cannot have `unique`"),
    ],
)
def test_records_follow_the_rules_of_specifications(field: Record, problem: str) -> None:
    record = {"name": "things", "entity": "Thing", "fields": [{"name": "size", **field}]}
    with pytest.raises(CofeeError) as caught:
        check_modules(read_modules([record], "the test"), FACTS)

    assert caught.value.message.startswith("`things`: `size`")
    assert problem in caught.value.message


def test_a_data_file_passes_the_gate(tmp_path: Path, cofee: Run, template: Path) -> None:
    """All problems are reported, and nothing is written."""
    fields = [{"name": "class", "type": "int"}, {"name": "size", "type": "int", "min": 9, "max": 3}]
    data = {"modules": [{"name": "things", "entity": "Thing", "fields": fields}]}
    (tmp_path / "data.yml").write_text(yaml.safe_dump(data))

    options = ("--defaults", "--template", template, "--data-file", tmp_path / "data.yml")
    ran = cofee("new", tmp_path / "service", *options, "--module", "codes a:b c:d")

    assert ran.code == 1
    for problem in (
        "`things`: `class` cannot name a field: it is a Python keyword",
        "`things`: `size`: the min `9` must not be above the max `3`",
        "`codes`: `a`: the type `b` is unknown",
        "`codes`: `c`: the type `d` is unknown",
    ):
        assert problem in ran.err
    assert not (tmp_path / "service").exists()


def test_a_module_that_does_not_change_keeps_its_record(shop: Path, cofee: Run) -> None:
    """An answers file that was edited by hand stays as it is, except for what a command changes."""
    path = shop / ".copier-answers.yml"
    edited = path.read_text().replace(
        "        type: str", "        nullable: false\n        type: str", 1
    )
    path.write_text(edited)

    assert cofee("new-module", "orders", "total:int", "-C", shop).code == 0
    assert path.read_text().count("nullable: false") == 1
