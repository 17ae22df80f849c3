"""The rules of a module as a whole: what is possible, and what is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cofee.errors import CofeeError
from cofee.spec import module_rules, owners
from cofee.spec.record import Module
from tests.conftest import Run
from tests.strategies import FACTS, Record

FIELDS: list[Record] = [
    {"name": "name", "type": "str"},
    {"name": "code", "type": "str", "unique": True, "index": True},
    {"name": "price", "type": "decimal", "precision": 9, "scale": 2},
    {"name": "cost", "type": "decimal", "precision": 9, "scale": 2},
    {"name": "stock", "type": "int"},
    {"name": "supplier", "type": "ref", "to": "suppliers"},
    {"name": "twin", "type": "one", "to": "suppliers"},
    {"name": "tags", "type": "many", "to": "suppliers"},
    {"name": "data", "type": "json"},
    {"name": "order", "type": "int"},
    {"name": "lone", "type": "enum", "values": ["one"]},
    {"name": "seven", "type": "int", "min": 7, "max": 7},
]
RULED: dict[str, Any] = {
    "unique_together": [["name", "supplier"]],
    "indexes": [["name", "price"]],
    "checks": ["price >= cost"],
    "examples": [{"price": "1.00", "cost": "1.00"}, {"price": "1.01", "cost": "1.00"}],
    "routes": ["list", "read"],
    "search": ["name"],
    "aggregates": ["count", "stock:sum", "lone:count"],
    "deletion": "hard",
    "versioned": True,
}


def complete(fields: list[Record] = FIELDS, **given: Any) -> Module:
    """Check the rules of a module of products."""
    module = {"name": "products", "entity": "Product", "fields": fields, **given}
    return module_rules.complete(Module.from_record(module), FACTS)


def test_rules_come_in_their_order() -> None:
    """Whatever order they were written in."""
    shuffled = dict(reversed(RULED.items()))

    assert list(complete(**shuffled).to_record()) == ["name", "entity", "fields", *RULED]


def test_access_needs_the_users_of_the_service() -> None:
    module = complete(access="user-write")

    owners.require_options([module], {"auth": "oauth"}, (), FACTS)
    with pytest.raises(CofeeError, match="the rule `access` needs the option `auth`"):
        owners.require_options([module], {"auth": "none"}, ("auth",), FACTS)
    assert module_rules.format_rules(module, FACTS) == ["--access user-write"]
    assert complete(access="public") == complete()


def test_what_says_nothing_is_left_out() -> None:
    """So that a module without rules reads as it always did."""
    empty: Record = {"unique_together": [], "checks": [], "search": [], "versioned": False}
    usual = {"routes": ["delete", *RULED["routes"], "create", "replace", "update"]}

    assert list(complete(**empty, **usual, deletion="soft").to_record()) == [
        "name",
        "entity",
        "fields",
    ]


def partial(where: str, field: str = "name") -> Record:
    """Give a rule with a condition."""
    return {"unique_together": [{"fields": [field], "where": where}]}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"unique_together": [["name"]]}, "must name at least two fields"),
        ({"unique_together": [["name", "name"]]}, "`name` occurs twice"),
        ({"unique_together": [["name", "nmae"]]}, "has no field `nmae`"),
        ({"unique_together": [["name", "tags"]]}, "is `many`, which cannot have an index"),
        ({"unique_together": [["name", "code"]]}, "`code` is already unique, and so is"),
        ({"unique_together": [["twin", "name"]]}, "`twin` is already unique, and so is"),
        ({"unique_together": [["lone", "seven"]]}, "`lone,seven` must have more than one"),
        ({"unique_together": [{"fields": [], "where": "stock > 1"}]}, "at least one field"),
        (partial("stock > csot"), "no such column: csot"),
        (partial("stock > 1 == 2"), "`unique_together`: `stock > 1 == 2` has `> 1 =`"),
        (partial("stock > 1 OR stock < 2"), "every row meets `stock > 1 OR stock < 2`"),
        (partial("stock > 1 AND stock < 0"), "no row meets `stock > 1 AND stock < 0`"),
        (partial("code = 'a'"), "names `code`, which is unique"),
        (partial("stock > 1 OR price > 2"), "another meaning on SQLite"),
        (partial("stock > 1", "code"), "`code` is already unique, and so is"),
        ({"unique_together": [{"fields": ["name"], "were": "stock > 1"}]}, "the key `were` is"),
        ({"indexes": [["name", "data"]]}, "is `json`, which cannot have an index"),
        ({"indexes": [[]]}, "must name at least one field"),
        ({"indexes": [["code"]]}, "the same index as the indexed field `code`"),
        ({"indexes": [["name"], ["name"]]}, "the same index as `name` of `indexes`"),
        ({"routes": []}, "at least one route"),
        ({"routes": ["list", "raed"]}, "`raed` is not a route"),
        ({"routes": ["list", "none"]}, "`none` is not a route"),
        ({"search": ["price"]}, "`price` is not a text field"),
        ({"search": ["name", "name"]}, "`name` occurs twice"),
        ({"aggregates": ["name:sum"]}, "`name:sum` is not possible, because `name` is `str`"),
        ({"aggregates": ["stock"]}, "possible are `stock:sum`, `stock:min`, `stock:max`"),
        ({"aggregates": ["nothing:sum"]}, "has no field `nothing`"),
        ({"aggregates": ["count", "count"]}, "`count` occurs twice"),
        ({"aggregates": ["count"], "routes": ["read"]}, "`aggregates` needs the route `list`"),
        ({"access": "admin"}, "`access` must be `public` or `user-write` or `user`, not `admin`"),
        ({"access": "user", "owned_by": "user"}, "only the owner of a row reaches it"),
        ({"deletion": "never"}, "`deletion` must be `soft` or `hard`, not `never`"),
        ({"checks": ["price >= csot"]}, "no such column: csot"),
        ({"checks": ["price >= (SELECT 1)"]}, "subqueries prohibited"),
        ({"checks": ["price >= cost; DROP TABLE x"]}, "has `;`"),
        ({"checks": ["price == cost"]}, "has `==`"),
        ({"checks": ["price > 0) , CHECK (cost > 0"]}, "the parentheses"),
        ({"checks": ['name <> "other"']}, '`other` in `name <> "other"` is not a column'),
        ({"checks": ["rowid > 1"]}, "`ROWID` in `rowid > 1` is not a column"),
        ({"checks": ["1 = 1"]}, "is not a column"),
        ({"checks": ["stock > random()"]}, "`random` in `stock > random\\(\\)` is not the same"),
        ({"checks": ["name LIKE 'a%'"]}, "`like` in"),
        ({"checks": ["stock > 1", "stock  > 1"]}, "`stock > 1` occurs twice"),
    ],
)
def test_impossible_rules_are_refused(given: Record, words: str) -> None:
    """The sentence names the rule and what is wrong with it."""
    with pytest.raises(CofeeError, match=words):
        complete(**given)


def test_names_that_postgresql_would_cut_are_refused() -> None:
    """A composite index is named after all of its columns."""
    long = [{"name": letter * 30, "type": "int"} for letter in "ab"]
    with pytest.raises(CofeeError, match="11 characters too long"):
        complete(long, unique_together=[[one["name"] for one in long]])


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ({"name": "version", "type": "int"}, {"versioned": True}),
        ({"name": "search", "type": "str", "filter": True}, {"search": ["search"]}),
    ],
)
def test_what_a_rule_adds_has_its_name_for_itself(field: Record, given: Record) -> None:
    """A column of versions, and the parameter of a search."""
    with pytest.raises(CofeeError, match=f"`{field['name']}` has the name"):
        complete([field], **given)


def test_a_template_that_knows_no_rules_is_told_apart() -> None:
    """Otherwise the rule would be recorded, and nothing would follow from it."""
    module = Module("a", "A", versioned=True)
    with pytest.raises(CofeeError, match="does not support the rule `versioned`"):
        module_rules.complete(module, replace(FACTS, rules={}))


def test_examples_of_a_condition_meet_it_and_do_not() -> None:
    """Of a reference they say whether it leads to a row; they satisfy the checks as well."""
    parent = {"name": "parent", "type": "ref", "to": "products", "nullable": True}
    note = {"name": "note", "type": "str", "nullable": True}
    where = "parent_id IS NULL AND note IS NOT NULL AND stock > 3"

    module = complete([*FIELDS, parent, note], **partial(where), checks=["stock < 9"])

    (key,) = module.unique_together
    assert [dict(row) for row in key.examples] == [
        {"stock": 4, "parent_id": False, "note": "alpha"},
        {"stock": 3, "parent_id": True, "note": "alpha"},
    ]
    assert module_rules.complete(module, FACTS) == module


def test_a_template_without_conditions_of_keys_is_told_apart() -> None:
    module = Module.from_record(
        {"name": "a", "entity": "A", "fields": FIELDS, **partial("stock > 1")}
    )
    with pytest.raises(CofeeError, match="does not support conditions"):
        module_rules.complete(module, replace(FACTS, key_keys=()))


def test_rules_follow_a_renamed_field() -> None:
    """A check names columns, and its texts stay."""
    module = complete(
        **{**RULED, "checks": ["price >= cost OR name = 'price'"], **partial("price > 0")}
    )

    after = module_rules.renamed(module, "price", "amount")

    (key,) = after.unique_together
    assert (key.where, [set(row) for row in key.examples]) == (
        "amount > 0",
        [{"amount", "cost", "name"}] * 2,
    )
    assert after.indexes == (("name", "amount"),)
    assert after.checks == ("amount >= cost OR name = 'price'",)
    assert module_rules.renamed(module, "stock", "left").aggregates[1] == "left:sum"


def test_a_field_in_a_rule_stays() -> None:
    """The hint says what to change first."""
    module = complete(**{**RULED, **partial("order > 1", "supplier")})
    named = {"supplier": "unique_together", "order": "unique_together", "cost": "checks"}
    for name, rule in {**named, "name": "search", "lone": "aggregates"}.items():
        with pytest.raises(CofeeError, match=f"`{name}` is in the rule") as refused:
            module_rules.require_unnamed(module, name, FACTS)
        assert FACTS.rules[rule].flag in str(refused.value.hint) or rule == "search"
    module_rules.require_unnamed(module, "seven", FACTS)


def test_rules_are_written_as_the_options_that_give_them() -> None:
    """`cofee status` shows them so."""
    keys = [*RULED["unique_together"], *partial("order > 1")["unique_together"]]
    assert module_rules.format_rules(complete(**{**RULED, "unique_together": keys}), FACTS) == [
        "--unique-together name,supplier",
        "--unique-together 'name:where=\"order\" > 1'",
        "--index name,price",
        "--check 'price >= cost'",
        "--only list,read",
        "--search name",
        "--aggregate count,stock:sum,lone:count",
        "--hard-delete",
        "--version-column",
    ]


def test_options_exclude_each_other(cofee: Run) -> None:
    """Two ways to say which routes there are."""
    ran = cofee("new-module", "notes", "--read-only", "--only", "list")

    assert (ran.code, "cannot be combined" in ran.err) == (64, True)


def test_a_module_has_a_route(shop: Path, cofee: Run) -> None:
    """Nothing asked for is refused, and not taken for everything."""
    for command in (["new-module", "notes"], ["change-module", "customers"]):
        ran = cofee(*command, "--only", "", "-C", shop)

        assert (ran.code, "at least one route" in ran.err) == (1, True)
