"""The field language: what is read, what is written back, and what is refused in which words."""

from __future__ import annotations

import ast
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.spec import pattern_worker
from cofee.spec.facts import FieldType
from cofee.spec.gate import check_fields
from cofee.spec.parse import parse_field
from cofee.spec.patterns import whole
from cofee.spec.record import Field
from cofee.template.template import Template

ROOT = Path(__file__).resolve().parent.parent
FACTS = Template(str(ROOT), "HEAD", ROOT).facts
MODULES = ("customers", "products")


def parse(spec: str) -> dict[str, Any]:
    """Read a specification of the module `orders`."""
    return parse_field(spec, FACTS, MODULES, "orders").to_record()


def refusal(*fields: Any) -> str:
    """Give the sentence and the hint that fields are refused with."""
    with pytest.raises(CofeeError) as caught:
        check_fields(fields, FACTS, MODULES, "orders")
    assert caught.value.exit_code == 1
    return f"{caught.value.message} | {caught.value.hint}"


READ: dict[str, dict[str, Any]] = {
    "sku": {"type": "str"},
    "sku:str:unique:len=3-40": {
        "type": "str", "unique": True, "min_length": 3, "max_length": 40,
    },
    "note:text:null": {"type": "text", "nullable": True},
    "note:str:len=3-": {"type": "str", "min_length": 3},
    "note:str:default=": {"type": "str", "default": ""},
    r"note:str:default=a\:b\\c": {"type": "str", "default": r"a:b\c"},
    "total:decimal:12.2:min=0:default=7.5": {
        "type": "decimal", "precision": 12, "scale": 2, "default": "7.50", "min": "0",
    },
    "count:int:min=-1:max=5:sort": {"type": "int", "sort": True, "min": -1, "max": 5},
    "ratio:float:min=0.5": {"type": "float", "min": 0.5},
    "done:bool:default=false": {"type": "bool", "default": False},
    "status:enum:draft,paid:filter:default=paid": {
        "type": "enum", "values": ["draft", "paid"], "filter": True, "default": "paid",
    },
    "phase:enum:new,old:labels=Not used yet,Used\\: once": {
        "type": "enum", "values": ["new", "old"],
        "labels": {"new": "Not used yet", "old": "Used: once"},
    },
    "state:enum:in progress,done": {"type": "enum", "values": ["in progress", "done"]},
    "tags:list:str:len=1-5": {
        "type": "list", "items": "str", "min_length": 1, "max_length": 5,
    },
    "born:date:min=20260101": {"type": "date", "min": "2026-01-01"},
    "paid_at:datetime:max=20260101T023000+0230": {
        "type": "datetime", "max": "2026-01-01T00:00:00Z",
    },
    "opens:time:default=0930": {"type": "time", "default": "09:30:00"},
    "placed_at:datetime:default=now": {"type": "datetime", "default": "now"},
    "born:date:default=today": {"type": "date", "default": "today"},
    "token:uuid:default=random": {"type": "uuid", "default": "random"},
    "token:uuid:default=018F4D5E-0000-7000-8000-000000000001": {
        "type": "uuid", "default": "018f4d5e-0000-7000-8000-000000000001",
    },
    "tags:list:str:default=[]": {"type": "list", "items": "str", "default": "empty"},
    "price:decimal:null": {"type": "decimal", "precision": 18, "scale": 6, "nullable": True},
    "total:int:default=0:readonly": {"type": "int", "readonly": True, "default": 0},
    "secret:text:writeonly": {"type": "text", "writeonly": True},
    "name:str:nocase:unique": {"type": "str", "unique": True, "nocase": True},
    "type:str:as=kind": {"type": "str", "json_name": "kind"},
    "data:json:null:as=metadata": {"type": "json", "nullable": True, "json_name": "metadata"},
    "wait:interval:default=90": {"type": "interval", "default": 90},
    "customer:ref:customers:on_delete=cascade": {
        "type": "ref", "to": "customers", "on_delete": "cascade",
    },
    "parent:ref:orders:null:on_delete=set_null": {
        "type": "ref", "to": "orders", "nullable": True, "on_delete": "set_null",
    },
}  # fmt: skip


@pytest.mark.parametrize("spec", READ)
def test_a_specification_gives_its_record(spec: str) -> None:
    """Values are read as the type says, and what is not set is absent."""
    assert {"name": spec.partition(":")[0], **READ[spec]} == parse(spec)


REFUSED = {
    "a:strng": "the type `strng` is unknown; types are .*did you mean `str`",
    "a:varchar": "did you mean `str`",
    "a:customers": "`customers` is a module, and no type | did you mean `a:ref:customers`",
    "a:str:40": "the modifier `40` is unknown.*did you mean `len=40`",
    "a:str:len=-1": "the length `-1` is not allowed; write `len=40`",
    "a:str:len=12345678901": "the length `12345678901` is not allowed",
    "a:null": "the type is missing before `null` | write the type first: `a:str:null`",
    "a::null": "the type is missing before ``",
    "a:int:uniqe": "the modifier `uniqe` is unknown; `int` takes .*did you mean `unique`",
    "a:int:required": "a field is required unless it is `null`",
    "a:bool:min=1": "`bool` cannot have `min`; `bool` takes `null`, `index`",
    "a:str:null:null": "the modifier `null` is given twice",
    "a:str:null=1": "`null` takes no value",
    "a:str:len": "`len` needs a value",
    "a:str:pattern=": "`pattern` needs a value",
    "a:int:min=9:max=5": "the min `9` must not be above the max `5`",
    "a:int:max=3000000000": "is out of range; `int` holds .* | `bigint` is wider",
    "a:bigint:max=9223372036854775808": "is out of range; `bigint` holds",
    "a:int:default=x": "the default `x` must be an integer",
    "a:float:min=inf": "the min `inf` must be a number",
    "a:int:min=1:default=0": "the default `0` must not be below the min `1`",
    "a:int:max=1:default=2": "the default `2` must not be above the max `1`",
    "a:datetime:min=20260101T000000": "must be a time with its time zone",
    "a:time:default=0930Z": "must be a time of day",
    "a:interval:default=99999999999999999999": "must be an integer number of seconds",
    "a:datetime:default=today": "must be a time with its time zone.*or `now`",
    "a:datetime:default=now:max=20300101T000000Z": "with the default `now` it must not",
    "a:date:min=today": "the min `today` must be a date, such as `2026-01-31` |",
    "a:uuid:default=now": "the default `now` must be a UUID or `random`",
    "a:list:str:default=draft": "the default `draft` must be `empty`",
    "a:list:str:len=1-:default=empty": "or a minimum length",
    "a:decimal:12": "`12` must be its digits",
    "a:decimal:19.2": "1 to 18 are kept exactly",
    "a:decimal:4.5": "0 to 4 of the 4 digits",
    "a:decimal:4.2:max=100": "2 are possible before the decimal point and 2 after it",
    "a:decimal:4.2:max=1.234": "2 are possible before the decimal point and 2 after it",
    "a:int:readonly": "a `readonly` field must be `null` or have a default.*add `:null`",
    "a:str:nocase:filter": "`a`: `nocase` needs `unique`",
    "a:int:null:readonly:writeonly": "must not be both `readonly` and `writeonly`",
    "a:str:writeonly:unique:sort": "must not have `unique`, `sort`, which would reveal",
    "a:str:as=": "`as` needs a value",
    "a:str:as=0b": "`0b` is not a name in JSON; a-z, A-Z, 0-9 and single underscores",
    "a:str:as=a": "`a` is its name in JSON without `as` | remove `as`",
    "a:str:as=createdAt": "`createdAt` cannot be its name in JSON: it is a field of every row",
    "a:str:filter:as=limit": "`limit` cannot be its name in JSON: it is a parameter of every list",
    "a:ref:customers:readonly": "`ref` cannot have `readonly`",
    "a:enum": "`enum` needs its values",
    "a:enum:draft,draft": "the value `draft` is listed twice",
    "a:enum:draft,": "the value `` is not allowed",
    "a:enum:draft, paid": "the value ` paid` is not allowed; values are letters",
    "a:enum:b,c:labels=B": "`B` must be 2 labels, one for each of the values",
    "a:enum:b,c:labels=B,": "the label `` must be text on one line",
    "a:str:labels=B": "`str` cannot have `labels`",
    "a:enum:a  b": "the value `a  b` is not allowed",
    "a:enum:draft:default=paid": "the default `paid` must be one of `draft`",
    "a:list": "`list` needs the type of its items",
    "a:list:text": "a list cannot hold `text`; it holds one of `str`",
    "a:ref:customer": "there is no module `customer` .*did you mean `customers`",
    "a:ref:Customer": "did you mean `customers`",
    "a:ref:order": "did you mean `orders`",
    "a:ref:zebras": "add that module first",
    "a:ref:日本": "there is no module `日本`.*add that module first",
    "a:ref:orders": "a reference to its own module must be optional.*add `:null`",
    "a:ref:products:on_delete=set_null": "a required reference cannot become null",
    "a:ref:products:on_delete=cascde": "did you mean `cascade`",
    "a_id:ref:products": "would get the column `a_id_id`.*try `a`",
    "a:int:unique:min=5:max=5": "one possible value",
    "a:int:unique:min=2147483647": "one possible value",
    "a:decimal:2.1:unique:min=9.9": "one possible value",
    "a:str:len=0": "the length `0` is out of range",
    "a:str:len=40-3": "the minimum length `40` must not be above the maximum `3`",
    "a:str:len=300-": "above the maximum `255` | add a maximum length: `len=300-",
    "a:str:len=x": "write `len=40`, `len=3-40` or `len=3-`",
    "a:str:len=3:default=four": "the default `four` has 4 characters; 0 to 3 are allowed",
    "a:str:default= x": "must be text on one line without surrounding spaces",
    "a:str:default=a\0b": r"the default `a\x00b` must be text",
    "a:str:pattern=(": "is not a regular expression: missing",
    "a:str:pattern=[[a]": "is not a regular expression: Possible nested set",
    "a:str:pattern=a{99999999999}": "is not a regular expression",
    "a:str:pattern=^a$": "no two different values .* | define the field in a file",
    "a:str:len=3:pattern=^[a-z]{4,}$": "no two different values of 1 to 3 characters",
    "a:str:default=b:pattern=^a+$": "the default `b` must match the pattern",
    "class:str": "`class` cannot name a field: it is a Python keyword | try `category`",
    "a-b:str": "`a-b` is not a field name.*try `a_b`",
    ":str": "a field has no name",
    "sort:int:filter": "cannot be a filter",
}  # fmt: skip


@pytest.mark.parametrize("spec", REFUSED)
def test_a_wrong_specification_is_refused_in_one_sentence(spec: str) -> None:
    """The sentence says what is wrong and what is allowed, the hint what to write instead."""
    pieces = re.split(r"\.\*", REFUSED[spec])
    said = refusal(spec)

    assert all(piece in said for piece in pieces), said
    assert not said.partition(" | ")[0].endswith(".")


def test_bounds_are_compared_as_numbers_and_not_as_text() -> None:
    """`9.5` is below `10`, although it sorts after it as text."""
    assert parse("a:decimal:4.2:min=9.5:max=10")["max"] == "10"


def test_a_pattern_takes_the_rest_of_the_specification() -> None:
    """A pattern may contain colons and text like modifiers, so it is the last modifier."""
    record = parse("code:str:unique:pattern=^[A-Z]:[0-9]{2}:null$")

    assert record["pattern"] == "^[A-Z]:[0-9]{2}:null$"
    assert "nullable" not in record


def test_a_pattern_gets_two_examples_and_a_counterexample() -> None:
    """They have valid lengths, the smaller is first, and every run finds the same."""
    record = parse("code:str:len=6-20:pattern=^[a-z-]+[0-9]*$")
    first, second = record["examples"]

    assert first < second
    for example in (first, second):
        assert re.search(record["pattern"], example)
        assert 6 <= len(example) <= 20
        assert example == example.strip()
    assert not re.search(record["pattern"], record["counterexample"])
    assert record == parse("code:str:len=6-20:pattern=^[a-z-]+[0-9]*$")


def test_a_pattern_that_everything_matches_has_no_counterexample() -> None:
    """There is nothing to show, so the key is absent."""
    assert "counterexample" not in parse("code:str:pattern=.*")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"[A-Z]{2}[0-9]{8,12}", r"^(?:[A-Z]{2}[0-9]{8,12})$"),
        (r"^[A-Z]:\d{4}$", r"^[A-Z]:\d{4}$"),
        ("^(red|blue)$", "^(red|blue)$"),
        ("red|blue", "^(?:red|blue)$"),
        ("^red|blue$", "^(?:^red|blue$)$"),
        (r"^a\$", r"^(?:^a\$)$"),
        ("(?i)abc", "(?i)^(?:abc)$"),
    ],
)
def test_a_pattern_matches_the_whole_value(pattern: str, expected: str) -> None:
    """The command and the template anchor it alike."""
    environment = Renderer(Template(str(ROOT), "HEAD", ROOT)).environment
    literals: Any = environment.get_template("macros/literals.jinja")

    assert whole(pattern) == expected
    assert ast.literal_eval(literals.module.pattern(pattern)) == expected


def test_a_counterexample_can_contain_a_match() -> None:
    field = {
        "name": "vat",
        "type": "str",
        "pattern": "DE[0-9]{9}",
        "counterexample": "a DE123456789",
    }
    (record,) = check_fields([field], FACTS, MODULES, "orders")

    assert record.counterexample == "a DE123456789"


def test_a_pattern_that_escapes_its_anchors_is_refused() -> None:
    assert "is not a regular expression" in refusal("a:str:pattern=(?x)abc # a comment")


def test_a_pattern_that_backtracks_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stop the command now and the service later."""
    monkeypatch.setattr(pattern_worker, "PATIENCE", 0.5)
    started = time.monotonic()
    said = refusal("code:str:len=60-80:pattern=^(a+)+$")

    assert "takes too long to match" in said
    assert time.monotonic() - started < 20


def test_examples_of_a_file_are_kept_when_they_match() -> None:
    """The user knows better values than a generator does."""
    field = {"name": "code", "type": "str", "pattern": "^A[0-9]$", "examples": ["A1", "A2"]}
    (found,) = check_fields([field], FACTS, MODULES, "orders")

    assert found.examples == ("A1", "A2")


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"examples": ["A1", "b"]}, "the example `b` must match the pattern"),
        ({"examples": ["A1", "A1"]}, "the examples must be two different values"),
        ({"examples": ["A1"]}, "the examples must be two different values"),
        ({"examples": ["A1", 2]}, "put it in quotes"),
        ({"examples": "A1"}, "`examples` must be a list of texts, not `A1`"),
        ({"counterexample": "A1"}, "the counterexample `A1` must not match the pattern"),
    ],
)
def test_examples_of_a_file_that_contradict_the_pattern_are_refused(
    field: dict[str, Any], sentence: str
) -> None:
    """Otherwise the generated tests would fail, and say so much later."""
    assert sentence in refusal({"name": "code", "type": "str", "pattern": "^A[0-9]$", **field})


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"name": "a", "type": "str", "max_len": 3}, "did you mean `max_length`?"),
        ({"name": "a", "type": "int", "pattern": "x"}, "`int` cannot have `pattern`"),
        ({"name": "a", "type": "str", "values": ["x"]}, "`str` cannot have `values`"),
        ({"name": "a", "type": "enum"}, "`enum` needs `values`"),
        ({"name": "a", "type": "enum", "values": "x"}, "`values` must be a list of texts"),
        ({"name": "a", "type": "enum", "values": [True]}, "put it in quotes"),
        (
            {"name": "a", "type": "decimal", "precision": "12", "scale": 2},
            "an integer, not `12`",
        ),
        ({"name": "a", "type": "str", "unique": "yes"}, "must be true or false"),
        ({"name": "a", "type": "str", "max_length": True}, "an integer, not `True`"),
        ({"name": "a", "type": "str", "examples": ["x"]}, "`examples` needs a `pattern`"),
        ({"name": "a", "type": "str", "pattern": 3}, "`pattern` must be text, not `3`"),
        ({"name": "a", "type": "time", "default": 34200}, "in a file with quotes"),
        ({"name": "a"}, "it has no type"),
        ({"type": "str"}, "a field has no name"),
        (3, "`3` is not a field"),
    ],
)
def test_a_record_of_a_file_obeys_the_same_rules(field: Any, sentence: str) -> None:
    """A file can hold what a specification cannot say, such as a number in place of text."""
    assert sentence in refusal(field)


def test_a_file_may_mix_records_and_specifications() -> None:
    """YAML's own dates, numbers and `false` are read as the type says."""
    fields = yaml.safe_load(
        """
        - total:decimal:8.2
        - {name: price, type: decimal, precision: 8, scale: 2, min: 0, default: 12.5}
        - {name: born, type: date, min: 2026-01-31, unique: false}
        - {name: paid_at, type: datetime, min: 2026-01-31T00:00:00Z}
        - {name: done, type: bool, default: false}
        """
    )

    records = [field.to_record() for field in check_fields(fields, FACTS, MODULES, "orders")]

    assert records[1:] == [
        {"name": "price", "type": "decimal", "precision": 8, "scale": 2,
         "default": "12.50", "min": "0"},
        {"name": "born", "type": "date", "min": "2026-01-31"},
        {"name": "paid_at", "type": "datetime", "min": "2026-01-31T00:00:00Z"},
        {"name": "done", "type": "bool", "default": False},
    ]  # fmt: skip


def test_fields_that_clash_are_refused() -> None:
    """Two fields of one name, and a field that takes a reference's column."""
    assert "the field `a` occurs twice" in refusal("a", "a:int")
    assert "share the column `customer_id`" in refusal("customer:ref:customers", "customer_id:uuid")
    assert "share the column `customer_id`" in refusal("customer_id:uuid", "customer:ref:customers")


def test_filters_that_share_a_query_parameter_are_refused() -> None:
    """The ends of a range are parameters, and so is the question whether a value is null."""
    for ending, field in (("min", "a:int"), ("before", "a:date"), ("null", "a:str:null")):
        named = f"a_{ending}"
        for given in (
            (f"{field}:filter", f"{named}:int:filter"),
            (f"{named}:int:filter", f"{field}:filter"),
        ):
            assert f"share the query parameter `{named}`" in refusal(*given)
        check_fields([field, f"{named}:int:filter"], FACTS, MODULES, "orders")
    links, reference = "customers:many:customers:filter", "customer:ref:customers:filter"
    assert "share the query parameter `customer_id`" in refusal(links, reference)
    check_fields(["a:str:filter", "a_min:int:filter"], FACTS, MODULES, "orders")


def test_a_constraint_name_that_postgresql_would_cut_is_refused() -> None:
    """The table and the column have to fit together with the ending, where there is one."""
    for longest, modifiers in (
        (63, "str"),
        (52, "str:unique"),
        (52, "int:filter"),
        (48, "ref:customers"),
    ):
        name = "a" * longest
        assert parse(f"{name}:{modifiers}")["name"] == name
        assert "is 1 characters too long" in refusal(f"{name}a:{modifiers}")


def test_a_table_of_another_template_adds_a_type_by_itself() -> None:
    """No rule knows a type by name."""
    grade = FieldType("grade", value="integer", least=1, greatest=6, modifiers=("default",))
    facts = replace(FACTS, types={"grade": grade})

    record = parse_field("mark:grade:default=2", facts, (), "exams")
    assert record == Field("mark", "grade", default=2)
    with pytest.raises(CofeeError, match="`grade` holds 1 to 6"):
        parse_field("mark:grade:default=7", facts, (), "exams")


def test_many_fields_are_read_in_their_order() -> None:
    """The order of the fields is the order of the columns."""
    fields = check_fields(["b", "a:int", "c:bool"], FACTS, (), "orders")

    assert [field.name for field in fields] == ["b", "a", "c"]
