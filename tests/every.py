"""A service in which every type meets every modifier that it can have."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

from tests.strategies import TYPES, Record, completed

ARGUMENTS: dict[str, Record] = {
    "none": {},
    "precision": {"precision": 6, "scale": 2},
    "values": {"values": ["draft", "paid"]},
    "items": {"items": "decimal"},
    "module": {"to": "parents"},
}
# By kind of value: the least, a default and the greatest; the bounds leave few values.
BOUNDS: dict[str, tuple[Any, Any, Any]] = {
    "integer": (7, 8, 8),
    "number": (0.5, 1.0, 1.0),
    "decimal": ("-0.01", "0.00", "0.00"),
    "date": ("2030-02-28", "2030-03-01", "2030-03-01"),
    "datetime": ("2030-01-01T00:00:00Z", "2030-01-01T00:00:01Z", "2030-01-01T00:00:01Z"),
    "time": ("12:00:00", "12:00:01", "12:00:01"),
    "seconds": (-1, 0, 0),
    "boolean": (None, True, None),
    "choice": (None, "paid", None),
    "string": (None, 'it\'s "so"', None),
}
RULES: Record = {
    "unique_together": [
        ["title", "seller"],
        ["before", "price"],
        {"fields": ["title"], "where": "price > cost AND before_id IS NULL"},
    ],
    "indexes": [["price", "title"], ["cost"]],
    "checks": [
        "price >= cost",
        "seller_id IS NOT NULL OR before_id IS NULL",
        "length(code) = 3 OR price > cost",
    ],
    "search": ["title", "code"],
    "aggregates": ["count", "price:sum", "cost:max"],
    "versioned": True,
}
FLAGS = {
    "null": "nullable",
    "unique": "unique",
    "nocase": "nocase",
    "index": "index",
    "filter": "filter",
    "sort": "sort",
}


def every_module() -> list[Record]:
    """Give a parent, plain and full modules of every type, and a module without a field."""
    parents = {
        "name": "parents",
        "entity": "Parent",
        "fields": [_plain("code", "str") | {"unique": True}],
    }
    plain = [_plain(f"a_{kind}", kind) for kind in TYPES]
    items = [_plain(f"l_{item}", "list") | {"items": item} for item in TYPES["list"]["items"]]
    full = [_full(f"b_{kind}", kind) for kind in TYPES]
    required = [_required(field) for field in full]
    return [
        parents,
        {"name": "empties", "entity": "Empty", "fields": []},
        {"name": "plains", "entity": "Plain", "fields": plain + items},
        {"name": "fulls", "entity": "Full", "fields": full + _more()},
        {
            "name": "required",
            "entity": "Require",
            "fields": [field for field in required if "to" not in field],
        },
        {
            "name": "order",  # a word of SQL, as are its columns
            "entity": "Ordering",
            "fields": [
                _plain("select", "int") | {"unique": True, "filter": True, "sort": True},
                _plain("group", "date") | {"filter": True},
                _plain("type", "enum"),
            ],
        },
        *ruled_modules(),
        {
            "name": "related",
            "entity": "Related",
            "fields": [field for field in required if "to" in field],
        },
    ]


def everything() -> list[Record]:
    """Give every type with every modifier and every rule, and both kinds of owners.

    What all can see has the types that can be null; owned rows have those that cannot, and
    all rules. A deletion is hard for all and for a project, and soft for a user. Each owner has a
    small module too: the tests that need no relation are quick there. So has each kind of access.
    """
    of_project, of_user = {"owned_by": "project", "deletion": "hard"}, {"owned_by": "user"}
    more: dict[str, Record] = {
        "order": {**of_project, "versioned": True},
        "required": of_project,
        "related": of_project,
        "empties": of_user,
        "marked": of_user,
    }
    for_users: list[Record] = [
        {"name": name, "entity": entity, "fields": [_plain("size", "int")], "access": access}
        for name, entity, access in (("drafts", "Draft", "user-write"), ("bids", "Bid", "user"))
    ]
    return [
        completed({**module, **more[module["name"]]}) if module["name"] in more else module
        for module in [*every_module(), *for_users]
    ]


def fuzzed_modules() -> list[Record]:
    """Give modules of owners with every type, relation and rule, without what repeats them."""
    repeated = {"empties", "required", "related", "order", "marked"}
    return [module for module in owned_modules() if module["name"] not in repeated]


def owned_modules() -> list[Record]:
    """Give the same modules with rows that are a user's or a project's; the parent's are all's."""
    parents, *others = every_module()
    owners = itertools.cycle(["user", "project"])
    return [parents, *({**module, "owned_by": next(owners)} for module in others)]


@cache
def ruled_modules() -> list[Record]:
    """Give modules with every rule at once: one that has all routes, and one that can be read."""
    price = {"type": "decimal", "precision": 9, "scale": 2, "sort": True}
    fields: list[Record] = [
        {"name": "title", "type": "str", "filter": True, "sort": True},
        {"name": "code", "type": "str", "unique": True},
        {"name": "price", "min": "10.00", **price},
        {"name": "cost", "nullable": True, **price},
        {"name": "seller", "type": "ref", "to": "parents", "on_delete": "cascade"},
        {"name": "buyer", "type": "ref", "to": "parents"},
        {"name": "before", "type": "ref", "nullable": True, "on_delete": "set_null"},
        {"name": "twin", "type": "one", "nullable": True},
        {"name": "near", "type": "many"},
    ]
    kinds: dict[str, Record] = {
        "ruled": {"deletion": "hard"},
        "marked": {"restorable": True},
        "read_only": {"routes": ["list", "read"], "deletion": "hard"},
    }
    found = []
    for name, more in kinds.items():
        own = [
            {**field, "to": name}
            if field["type"] in ("ref", "one", "many") and "to" not in field
            else field
            for field in fields
        ]
        module = {
            "name": name,
            "entity": name.title().replace("_", ""),
            "fields": own,
            **RULES,
            **more,
        }
        found.append(completed(module))
    return found


def _plain(name: str, kind: str) -> Record:
    return {"name": name, "type": kind, **ARGUMENTS[TYPES[kind]["argument"]]}


def _full(name: str, kind: str) -> Record:
    """Give a field all modifiers except `pattern`, which has a separate field."""
    modifiers = TYPES[kind]["modifiers"]
    record = _plain(name, kind) | {FLAGS[key]: True for key in modifiers if key in FLAGS}
    least, default, greatest = BOUNDS.get(TYPES[kind]["value"], (None, None, None))
    named = {"min": least, "default": default, "max": greatest}
    record |= {key: value for key, value in named.items() if key in modifiers and value is not None}
    if "len" in modifiers:
        record |= {"min_length": 2, "max_length": 20}
    if "on_delete" in modifiers:
        record["on_delete"] = "set_null"
    return record | {"json_name": f"as_{kind}"}


def _required(field: Record) -> Record:
    """Give the same field without null and default, so that everything has to be sent."""
    rest = {key: value for key, value in field.items() if key not in {"nullable", "default"}}
    return rest | ({"on_delete": "cascade"} if "on_delete" in rest else {})


def _more() -> list[Record]:
    """Give what one field of a type cannot show: a pattern, a tree, two ways to one module."""
    return [
        {
            "name": "code",
            "type": "str",
            "pattern": r"^[A-Z]\d+$",
            "examples": ["A1", "B22"],
            "counterexample": "a",
            "unique": True,
            "sort": True,
        },
        {"name": "long_text", "type": "str", "min_length": 200, "max_length": 4000},
        {"name": "one_byte", "type": "bytes", "max_length": 1, "nullable": True},
        {"name": "long_bytes", "type": "bytes", "min_length": 100, "nullable": True},
        {
            "name": "phase",
            "type": "enum",
            "enum": "WorkPhase",
            "values": ["new", "old one"],
            "labels": {"new": "Not used yet", "old one": "Used: once"},
            "default": "old one",
            "filter": True,
        },
        {"name": "lone", "type": "enum", "values": ["one"], "filter": True, "sort": True},
        {
            "name": "owner",
            "type": "ref",
            "to": "fulls",
            "nullable": True,
            "unique": True,
            "filter": True,
        },
        {"name": "parent", "type": "ref", "to": "fulls", "nullable": True, "on_delete": "set_null"},
        {"name": "payer", "type": "ref", "to": "parents", "filter": True},
        {"name": "placed_at", "type": "datetime", "default": "now", "filter": True},
        {"name": "placed_on", "type": "date", "default": "today", "sort": True},
        {"name": "token", "type": "uuid", "default": "random", "unique": True},
        {
            "name": "total",
            "type": "decimal",
            **ARGUMENTS["precision"],
            "default": "0.00",
            "filter": True,
            "sort": True,
            "readonly": True,
        },
        {"name": "seen_at", "type": "datetime", "default": "now", "readonly": True},
        {"name": "number", "type": "str", "nullable": True, "unique": True, "readonly": True},
        {"name": "secret", "type": "str", "min_length": 8, "writeonly": True},
        {"name": "labels", "type": "list", "items": "str", "default": "empty"},
        {"name": "siblings", "type": "many", "to": "fulls"},
        {
            "name": "receiver",
            "type": "ref",
            "to": "parents",
            "unique": True,
            "on_delete": "cascade",
        },
    ]


# Fields that users can have in addition; who signs in through a provider sends no required ones.
OPTIONAL_OF_USERS: list[Record] = [
    {"name": "about", "type": "text", "nullable": True, "max_length": 500},
    {
        "name": "site",
        "type": "url",
        "nullable": True,
        "unique": True,
        "filter": True,
        "sort": True,
        "json_name": "home_page",
    },
    {"name": "level", "type": "int", "default": 3, "min": 1, "filter": True, "sort": True},
    {"name": "balance", "type": "decimal", "precision": 9, "scale": 2, "default": "0.00"},
    {"name": "key", "type": "uuid", "default": "random", "unique": True},
    {"name": "langs", "type": "list", "items": "str", "default": "empty"},
    {"name": "plan", "type": "enum", "values": ["free", "paid"], "default": "free", "filter": True},
    {"name": "seen_at", "type": "datetime", "default": "now", "readonly": True, "sort": True},
    {"name": "is_vip", "type": "bool", "default": False, "readonly": True, "filter": True},
    {"name": "pin", "type": "str", "nullable": True, "writeonly": True},
    {"name": "picture", "type": "bytes", "nullable": True, "max_length": 100},
    {"name": "settings", "type": "json", "nullable": True},
]
REQUIRED_OF_USERS: list[Record] = [
    {
        "name": "username",
        "type": "str",
        "pattern": "[a-z0-9_]{3,20}",
        "examples": ["alpha", "bravo"],
        "counterexample": "a",
        "unique": True,
        "filter": True,
        "sort": True,
    },
    {"name": "number", "type": "int", "min": 5, "max": 900, "unique": True},
    {"name": "born", "type": "date", "unique": True, "sort": True},
    {"name": "other_email", "type": "email", "unique": True, "nocase": True},
    {"name": "pause", "type": "interval", "min": 10},
]
