"""Conditions of a module: what they may say, and two rows that satisfy them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cofee.errors import CofeeError
from cofee.spec import module_rules
from cofee.spec.gate import check_fields
from cofee.spec.record import Module
from tests.strategies import FACTS, Record

MODULES = ("sellers", "buyers")
LATER = ("buyers",)


def examples(fields: list[str], *checks: str, **more: object) -> list[Record]:
    """Return the recorded rows of a module with these fields and checks."""
    offers = Module("offers", "Offer", check_fields(fields, FACTS, MODULES, "offers"))
    ruled = offers.with_rules({"checks": list(checks), **more})
    return [dict(row) for row in module_rules.complete(ruled, FACTS, LATER).examples]


@pytest.mark.parametrize(
    ("fields", "checks"),
    [
        (["cost:decimal:9.2:min=0", "price:decimal:9.2"], ["price >= cost"]),
        (["cost:decimal:18.2", "price:decimal:18.2"], ["price > cost"]),
        (["cost:decimal:18.18", "price:decimal:18.18"], ["price > cost"]),
        (["size:bigint:min=9223372036854775000", "cost:decimal:18.18"], ["cost > 0 OR size > 0"]),
        (["cost:decimal:9.2", "price:decimal:9.2", "n:int"], ["cost * n <= price"]),
        (["code:str", "name:str:null"], ["length(code) = 3", "name <> code"]),
        (["state:enum:new,old", "n:int:min=50"], ["state <> 'old' OR n > 100"]),
        (["starts:date", "ends:date:null"], ["ends > starts"]),
        (["starts:datetime:min=20260301T000000Z", "ends:datetime"], ["ends > starts"]),
        (["opens:time", "closes:time"], ["opens < closes"]),
        (["short:interval", "long:interval"], ["short < long"]),
        (["a:bool", "b:bool"], ["a OR b"]),
        (["a:float", "b:float:max=2.0"], ["a * 2 < b - 1.5"]),
        (["seller:ref:sellers:null", "n:int"], ["seller_id IS NOT NULL OR n > 7"]),
        (["parent:ref:offers:null", "n:int"], ["parent_id IS NOT NULL OR n > 7"]),
        (["a:ref:sellers", "b:ref:sellers"], ["a_id = b_id"]),
        (["a:ref:sellers", "b:ref:sellers"], ['a_id<>"b_id"']),
        (["a:ref:sellers", "b:ref:sellers:null", "n:int"], ["n > 0 AND b_id != a_id"]),
    ],
)
def test_rows_that_satisfy_checks_are_found(fields: list[str], checks: list[str]) -> None:
    """Whatever the types are; and what was found is kept as long as it serves."""
    found = examples(fields, *checks)

    assert len(found) == 2
    assert examples(fields, *checks, examples=found) == found


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("price:int", "price:int:min=10", lambda value: value >= 10),
        ("price:int", "price:decimal:6.2", lambda value: isinstance(value, str)),
        ("price:decimal:6.1", "price:decimal:6.2", lambda value: value[-3] == "."),
        ("price:int", "price:float:max=0.5", lambda value: isinstance(value, float)),
    ],
)
def test_rows_that_a_changed_field_rejects_are_found_again(
    before: str, after: str, allowed: Callable[[Any], bool]
) -> None:
    found = examples([before], "price > -5")

    again = examples([after], "price > -5", examples=found)

    assert all(allowed(row["price"]) for row in again)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("code:str", "code:str:pattern=[A-Z]{3}"),
        ("code:str", "code:str:len=4-"),
        ("code:enum:tea,milk", "code:enum:milk,water"),
        ("code:date", "code:date:min=2030-01-01"),
    ],
)
def test_rows_of_texts_follow_a_changed_field(before: str, after: str) -> None:
    found = examples([before], "code <> ''")

    again = examples([after], "code <> ''", examples=found)

    assert again == examples([after], "code <> ''")


@pytest.mark.parametrize(
    "reference", ["ref:offers:null", "one:buyers:null", "ref:sellers:null:on_delete=set_null"]
)
def test_references_that_tests_empty_and_fill_leave_checks_true(reference: str) -> None:
    """Those to rows that come later, and those that a deletion empties; others are filled."""
    fields = [f"lead:{reference}", "n:int"]
    for check in ("lead_id IS NULL OR n > 7", "lead_id IS NOT NULL OR n > 7"):
        assert all(row["n"] > 7 for row in examples(fields, check))
    for check in ("lead_id IS NULL", "lead_id IS NOT NULL", "(lead_id IS NULL) = (n > 7)"):
        with pytest.raises(CofeeError, match="no values") as refused:
            examples(fields, check)
        assert refused.value.hint is not None
        assert "with and without `lead_id`" in refused.value.hint


def test_the_second_row_differs_where_it_has_to() -> None:
    """In unique fields, and in the order of sorted ones."""
    first, second = examples(["n:int:unique", "m:int:sort"], "n < 3 AND n > 0 AND m <> n")

    assert {first["n"], second["n"]} == {1, 2}
    assert first["m"] <= second["m"]


def test_the_second_row_differs_in_what_is_unique_together() -> None:
    """By a value that a check does not limit, unless another field distinguishes the rows."""
    fields = ["a:bool", "b:bool", "n:int"]
    together = {"unique_together": [["a", "b"]]}

    first, second = examples(fields, "a OR b", **together)

    assert (first["a"], first["b"]) != (second["a"], second["b"])
    same = [{"a": True, "b": False}] * 2
    assert examples(fields, "a OR b", examples=same) == same
    assert examples(fields, "a OR b", examples=same, **together) != same
    assert examples(fields, "a AND NOT b", unique_together=[["a", "b", "n"]]) == same
    with pytest.raises(CofeeError, match="satisfy"):
        examples(fields, "a AND NOT b", **together)


def test_rows_that_somebody_wrote_are_kept() -> None:
    """Unless they no longer satisfy the checks."""
    mine = [{"n": 4711}, {"n": 4712}]

    assert examples(["n:int"], "n > 7", examples=mine) == mine
    assert examples(["n:int"], "n < 7", examples=mine) != mine


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        (["price:decimal:9.2"], "price >= 10"),
        (["price:decimal:9.2:min=5"], "price >= 10"),
        (["price:decimal:9.2"], "price < 1.5"),
        (["price:decimal:9.2", "cost:decimal:9.4"], "price >= cost"),
        (["price:decimal:9.2", "n:int"], "price >= n"),
        (["price:decimal:9.2"], "price > 0.5"),
        (["price:decimal:9.2", "cost:decimal:9.2"], "price > cost + 0.5"),
    ],
)
def test_what_means_something_else_on_sqlite_is_refused(fields: list[str], check: str) -> None:
    """It counts in other units."""
    with pytest.raises(CofeeError, match="has another meaning on SQLite"):
        examples(fields, check)


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        (["n:int:max=5"], "n > 7"),
        (["n:int:unique"], "n = 7"),
        (["buyer:ref:offers:null", "seller:ref:offers:null"], "buyer_id <> seller_id"),
    ],
)
def test_checks_that_no_tested_row_satisfies_are_refused(fields: list[str], check: str) -> None:
    """The tests of the module could not make a row, or not two."""
    with pytest.raises(CofeeError, match="satisfy"):
        examples(fields, check)


def test_columns_that_are_words_of_sql_are_quoted() -> None:
    """And nothing else: text literals keep their spaces."""
    fields = check_fields(["user:str", "n:int"], FACTS, (), "offers")
    module = Module("offers", "Offer", fields, checks=("user  <>  'user  n'",))

    found = module_rules.complete(module, FACTS)

    assert found.checks == ("\"user\" <> 'user  n'",)
    assert module_rules.renamed(found, "n", "order").checks == found.checks


@pytest.mark.parametrize(
    ("fields", "check", "found"),
    [
        (["n:int"], "N > 1", "n > 1"),
        (["limit:int", "n:int"], "Limit > N OR n > 7", '"limit" > n OR n > 7'),
        (["name:str"], "name <> 'Name'", "name <> 'Name'"),
    ],
)
def test_a_column_is_named_in_capitals_too(fields: list[str], check: str, found: str) -> None:
    """SQL takes them for small letters, outside of quotes; the record has the column's name."""
    records = check_fields(fields, FACTS, MODULES, "offers")
    module = Module("offers", "Offer", records, checks=(check,))

    assert module_rules.complete(module, FACTS).checks == (found,)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("scratch.n > 1", "`.n`, which"),
        ('main."scratch".n > 1', '`."`, which'),
        ("n > 0x10", "`0x`, which"),
        ("name <> x'41'", "`x''`, which"),
        ("name COLLATE nocase = 'a'", "`collate`, which"),
        ("substr(name, -1) <> 'x'", "`substr(name, -`, which"),
        ("n <> NULL", "`> null`, which"),
        ("0 < n < 10", "`< n <`, which"),
        ("n > 0 = yes", "`> 0 =`, which"),
        ("n IS 3", "`is`, which"),
        ("n IS NOT 3", "`is not`, which"),
        ("name <> 'a\x1bb'", r"`\x1b`, which"),
        ("n", "is not a condition: it is not true or false"),
        ("n + 1", "is not a condition: it is not true or false"),
        ("yes = 1", "`yes = 1` in"),
        ("n > 0 AND yes IN (0, 1)", "`yes IN (0` in"),
        ("yes NOT BETWEEN 0 AND 1", "`yes NOT BETWEEN 0` in"),
        ("1 = yes", "`1 = yes` in"),
        ("name > 3", "`name > 3` in"),
        ("name <> n", "`name <> n` in"),
        ("day <= moment", "`day <= moment` in"),
        ("span > 0", "`span > 0` in"),
        ("seller_id <> code", "`seller_id <> code` in"),
        ('"name" = "n"', '`"name" = "n"` in'),
    ],
)
def test_what_postgresql_does_not_take_is_refused(check: str, words: str) -> None:
    """Or the migration would fail there, where SQLite takes it in its own way."""
    fields = ["name:str", "n:int", "yes:bool", "day:date", "moment:datetime", "span:interval"]

    with pytest.raises(CofeeError) as refused:
        examples([*fields, "seller:ref:sellers", "code:uuid", "state:enum:new,old"], check)

    assert words in refused.value.message


@pytest.mark.parametrize(
    "check",
    [
        "yes",
        "NOT yes OR n IS NOT NULL",
        "yes IS TRUE OR yes IS NOT DISTINCT FROM FALSE",
        "length(name) > 2 AND n + size > 1.5",
        "state = name OR state <> 'x'",
        "(n > 0) = yes",
        "n IN (1, 2, 3) OR n BETWEEN 4 AND 9",
        "CASE WHEN n > 1 THEN 1 ELSE 0 END = 1",
    ],
)
def test_what_both_databases_take_is_taken(check: str) -> None:
    """Whatever it looks like."""
    fields = ["name:str", "n:int", "size:float", "yes:bool", "state:enum:new,old"]

    assert len(examples(fields, check)) == 2
