"""What happens to the modules of a service: their fields before and after, rows and migrations."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

Record = dict[str, Any]

ANN = "018f4d5e-0000-7000-8000-000000000001"
BOB = "018f4d5e-0000-7000-8000-000000000002"
FIRST = "018f4d5e-0000-7000-8000-00000000000a"
SECOND = "018f4d5e-0000-7000-8000-00000000000b"
LONE = "018f4d5e-0000-7000-8000-00000000000c"

# name: old type and modifiers, new ones, a value, and the value as the new type answers it.
CHANGES: dict[str, tuple[Record, Record, Any, Any]] = {
    "text_to_int": ({"type": "str"}, {"type": "int"}, "-12", -12),
    "text_to_bigint": ({"type": "str"}, {"type": "bigint"}, "9223372036854775807", 2**63 - 1),
    "text_to_float": ({"type": "str"}, {"type": "float"}, "1.5", 1.5),
    "text_to_decimal": (
        {"type": "str"},
        {"type": "decimal", "precision": 9, "scale": 2},
        "-3.25",
        "-3.25",
    ),
    "text_to_bool": ({"type": "str"}, {"type": "bool"}, "true", True),
    "text_to_date": ({"type": "str"}, {"type": "date"}, "2026-01-31", "2026-01-31"),
    "text_to_uuid": ({"type": "str"}, {"type": "uuid"}, ANN, ANN),
    "shorter": (
        {"type": "str", "max_length": 40},
        {"type": "str", "max_length": 5},
        "abcde",
        "abcde",
    ),
    "longer": ({"type": "str", "max_length": 5}, {"type": "text"}, "abcde", "abcde"),
    "choice": (
        {"type": "str"},
        {"type": "enum", "values": ["draft", "paid"], "filter": True},
        "paid",
        "paid",
    ),
    "choices": (
        {"type": "enum", "values": ["a", "b"]},
        {"type": "enum", "values": ["a", "c"]},
        "a",
        "a",
    ),
    "int_to_bigint": ({"type": "int"}, {"type": "bigint"}, 7, 7),
    "int_to_float": ({"type": "int"}, {"type": "float"}, 7, 7.0),
    "int_to_decimal": (
        {"type": "int"},
        {"type": "decimal", "precision": 9, "scale": 2},
        -7,
        "-7.00",
    ),
    "int_to_text": ({"type": "int"}, {"type": "str"}, -7, "-7"),
    "int_to_bool": ({"type": "int"}, {"type": "bool"}, 1, True),
    "bool_to_bigint": ({"type": "bool"}, {"type": "bigint"}, True, 1),
    "bool_to_text": ({"type": "bool"}, {"type": "str"}, False, "false"),
    "finer": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "decimal", "precision": 12, "scale": 4},
        "-1.25",
        "-1.2500",
    ),
    "coarser": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "decimal", "precision": 8, "scale": 1},
        "1.50",
        "1.5",
    ),
    "wider": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "decimal", "precision": 15, "scale": 2},
        "1.25",
        "1.25",
    ),
    "decimal_to_text": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "str"},
        "-0.05",
        "-0.05",
    ),
    "decimal_to_int": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "int"},
        "12.00",
        12,
    ),
    "decimal_to_float": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "float"},
        "0.25",
        0.25,
    ),
    "float_to_decimal": (
        {"type": "float"},
        {"type": "decimal", "precision": 9, "scale": 2},
        0.29,
        "0.29",
    ),
    "float_to_int": ({"type": "float"}, {"type": "int"}, -3.0, -3),
    "date_to_datetime": (
        {"type": "date"},
        {"type": "datetime", "index": True},
        "2026-01-31",
        "2026-01-31T00:00:00Z",
    ),
    "datetime_to_date": (
        {"type": "datetime"},
        {"type": "date"},
        "2026-01-31T00:00:00Z",
        "2026-01-31",
    ),
    "date_to_text": ({"type": "date"}, {"type": "str"}, "2026-01-31", "2026-01-31"),
    "uuid_to_text": ({"type": "uuid"}, {"type": "str"}, ANN, ANN),
    "tightened": ({"type": "interval", "nullable": True}, {"type": "interval"}, "PT1M", "PT1M"),
    "loosened": ({"type": "time"}, {"type": "time", "nullable": True}, "09:30:00", "09:30:00"),
    "keyed": (
        {"type": "email"},
        {"type": "email", "unique": True},
        "a@example.com",
        "a@example.com",
    ),
    "unkeyed": (
        {"type": "url", "unique": True},
        {"type": "url"},
        "https://a.example/",
        "https://a.example/",
    ),
    "caseless": (
        {"type": "str", "unique": True},
        {"type": "str", "unique": True, "nocase": True},
        "Ann",
        "Ann",
    ),
    "cased": (
        {"type": "email", "unique": True, "nocase": True},
        {"type": "email", "unique": True},
        "Ann@example.com",
        "Ann@example.com",
    ),
    "drawn": ({"type": "uuid", "nullable": True}, {"type": "uuid", "default": "random"}, ANN, ANN),
    "indexed": ({"type": "date"}, {"type": "date", "filter": True}, "2026-01-31", "2026-01-31"),
    "kept": (
        {"type": "str", "unique": True},
        {"type": "str", "unique": True, "index": True},
        "k",
        "k",
    ),
}
REFERENCES: dict[str, tuple[Record, Record, str, str]] = {
    "linked": (
        {"type": "uuid", "nullable": True},
        {"type": "ref", "to": "customers", "nullable": True},
        "linked",
        "linked_id",
    ),
    "owner": (
        {"type": "ref", "to": "customers"},
        {"type": "ref", "to": "customers", "on_delete": "cascade", "unique": True},
        "owner_id",
        "owner_id",
    ),
    "moved": (
        {"type": "ref", "to": "customers"},
        {"type": "ref", "to": "suppliers"},
        "moved_id",
        "moved_id",
    ),
}

ADDED: list[tuple[Record, Any, Any]] = [
    ({"name": "note", "type": "text", "nullable": True}, None, None),
    (
        {"name": "price", "type": "decimal", "precision": 12, "scale": 2, "default": "1.5"},
        None,
        "1.50",
    ),
    ({"name": "lasting", "type": "interval"}, 60, "PT1M"),
    ({"name": "day", "type": "date", "filter": True}, "2026-01-31", "2026-01-31"),
    ({"name": "moment", "type": "datetime"}, "2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
    ({"name": "clock", "type": "time"}, "09:30:00", "09:30:00"),
    ({"name": "flag", "type": "bool", "default": False}, None, False),
    ({"name": "ratio", "type": "float"}, 0.5, 0.5),
    ({"name": "state", "type": "enum", "values": ["a", "b"], "default": "b"}, None, "b"),
    ({"name": "token", "type": "uuid"}, ANN, ANN),
    ({"name": "placed_at", "type": "datetime", "default": "now"}, None, ANY),
    ({"name": "due", "type": "date", "default": "today"}, None, ANY),
    ({"name": "secret", "type": "uuid", "default": "random", "unique": True}, None, ANY),
    ({"name": "labels", "type": "list", "items": "str", "default": "empty"}, None, []),
    ({"name": "data", "type": "json"}, {"a": [1]}, {"a": [1]}),
    ({"name": "tags", "type": "list", "items": "str"}, [], []),
    ({"name": "content", "type": "bytes"}, "AAAA", "AAAA"),
    ({"name": "code", "type": "str", "nullable": True, "unique": True}, None, None),
    ({"name": "buyer", "type": "ref", "to": "customers"}, ANN, ANN),
    ({"name": "double", "type": "one", "to": "customers", "nullable": True}, None, None),
    ({"name": "friends", "type": "many", "to": "customers"}, None, []),
    (
        {"name": "payer", "type": "ref", "to": "customers", "nullable": True, "unique": True},
        None,
        None,
    ),
]
REMOVED: list[Record] = [
    {"name": "code", "type": "str", "nullable": True, "unique": True},
    {"name": "price", "type": "decimal", "precision": 12, "scale": 2, "default": "1.50"},
    {"name": "buyer", "type": "ref", "to": "customers", "nullable": True, "on_delete": "set_null"},
    {"name": "friends", "type": "many", "to": "customers"},
]
NAME = {"name": "name", "type": "str", "unique": True}
TREE = {"name": "parent", "type": "ref", "nullable": True}
KEY = {"name": "key", "type": "ref", "to": "customers"}
SEEN = {"name": "seen", "type": "many", "to": "customers"}
PEERS = {"name": "peers", "type": "many"}


def _module(name: str, entity: str, *fields: Record) -> Record:
    return {"name": name, "entity": entity, "fields": list(fields)}


def _changing(place: int) -> list[Record]:
    """Give the changed fields, as they are before (0) or after (1)."""
    every: dict[str, Any] = CHANGES | REFERENCES
    return [{"name": name, **case[place]} for name, case in every.items()]


PARENTS = [_module("customers", "Customer", NAME), _module("suppliers", "Supplier", NAME)]
OLD: list[Record] = [
    *PARENTS,
    _module("growing", "Grown", NAME),
    _module("shrinking", "Shrunk", NAME, *REMOVED),
    _module("changing", "Changed", *_changing(0)),
    _module("user", "Order", {"name": "sku", "type": "str", "unique": True}, KEY, SEEN),
    _module("goods", "Good", NAME, {**TREE, "to": "goods"}, KEY, {**PEERS, "to": "goods"}),
    _module("lines", "Line", {"name": "good", "type": "ref", "to": "goods"}),
    _module("dying", "Dead", NAME, KEY, {"name": "data", "type": "json", "nullable": True}),
]
ADDED_FIELDS = [field for field, _, _ in ADDED]
NEW: list[Record] = [
    *PARENTS,
    _module("growing", "Grown", NAME, *ADDED_FIELDS),
    _module("shrinking", "Shrunk", NAME),
    _module("changing", "Changed", *_changing(1)),
    _module(
        "user",
        "Order",
        {"name": "code", "type": "str", "unique": True},
        {**KEY, "name": "buyer"},
        {**SEEN, "name": "readers"},
    ),
    _module("wares", "Good", NAME, {**TREE, "to": "wares"}, KEY, {**PEERS, "to": "wares"}),
    _module("lines", "Line", {"name": "good", "type": "ref", "to": "wares"}),
]

ROWS: list[tuple[str, str, Record]] = [
    *(
        (module, entity, {"id": id_, "name": id_})
        for module, entity in (("customers", "Customer"), ("suppliers", "Supplier"))
        for id_ in (ANN, BOB)
    ),
    ("growing", "Grown", {"id": FIRST, "name": "a"}),
    ("growing", "Grown", {"id": SECOND, "name": "b"}),
    (
        "shrinking",
        "Shrunk",
        {"id": FIRST, "name": "a", "code": "x", "price": "2.50", "buyer_id": ANN},
    ),
    (
        "changing",
        "Changed",
        {name: value for name, (_, _, value, _) in CHANGES.items()}
        | {column: ANN for _, _, column, _ in REFERENCES.values()}
        | {"id": FIRST},
    ),
    ("user", "Order", {"id": FIRST, "sku": "x", "key_id": ANN, "seen_ids": [ANN, BOB]}),
    ("goods", "Good", {"id": FIRST, "name": "root", "key_id": ANN, "parent_id": None}),
    ("goods", "Good", {"id": SECOND, "name": "leaf", "key_id": BOB, "parent_id": FIRST}),
    ("goods", "Good", {"id": LONE, "name": "peer", "key_id": BOB, "peer_ids": [FIRST]}),
    ("lines", "Line", {"id": FIRST, "good_id": SECOND}),
    ("dying", "Dead", {"id": FIRST, "name": "one", "key_id": ANN, "data": {"a": 1}}),
]

STEPS: list[Record] = [
    {
        "module": "growing",
        "operation": "add_fields",
        "fields": ADDED_FIELDS,
        "backfill": {field["name"]: given for field, given, _ in ADDED if given is not None},
    },
    {"module": "shrinking", "operation": "remove_fields", "fields": REMOVED},
    {
        "module": "changing",
        "operation": "change_fields",
        "changes": [
            {"old": old, "new": new} for old, new in zip(_changing(0), _changing(1), strict=True)
        ],
        "backfill": {"tightened": 60},
    },
    {
        "module": "user",
        "operation": "rename_field",
        "old": OLD[5]["fields"][0],
        "new": NEW[5]["fields"][0],
    },
    {"module": "user", "operation": "rename_field", "old": KEY, "new": {**KEY, "name": "buyer"}},
    {
        "module": "user",
        "operation": "rename_field",
        "old": SEEN,
        "new": {**SEEN, "name": "readers"},
    },
    {"module": "wares", "operation": "rename_module", "old": "goods", "record": NEW[6]},
    {"module": "dying", "operation": "drop", "record": OLD[-1]},
]
