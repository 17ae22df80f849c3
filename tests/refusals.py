"""Changes of fields that existing rows prevent."""

from __future__ import annotations

from typing import Any

from tests.evolutions import ANN, FIRST, Record

# Changes that existing rows prevent: old and new, values of rows, a part of the message.
REFUSALS: dict[str, tuple[Record, Record, list[Any], str]] = {
    "long": ({"type": "str"}, {"type": "str", "max_length": 3}, ["abcd", "abc"], "3 characters"),
    "empty": ({"type": "int", "nullable": True}, {"type": "int"}, [None, 1], "becomes required"),
    "lost": (
        {"type": "enum", "values": ["a", "b"]},
        {"type": "enum", "values": ["a"]},
        ["b", "a"],
        "one of a",
    ),
    "word": ({"type": "str"}, {"type": "int"}, ["12a", "1"], "whole number"),
    "large": ({"type": "bigint"}, {"type": "int"}, [2**31, 1], "2147483647"),
    "no_day": ({"type": "str"}, {"type": "date"}, ["2026-02-30", "2026-01-31"], "a date"),
    "part": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "decimal", "precision": 9, "scale": 1},
        ["1.25", "1.50"],
        "1 decimal places",
    ),
    "wide": (
        {"type": "decimal", "precision": 9, "scale": 2},
        {"type": "decimal", "precision": 4, "scale": 2},
        ["100.00", "99.99"],
        "below 100",
    ),
    "rounded": (
        {"type": "float"},
        {"type": "decimal", "precision": 9, "scale": 1},
        [0.25, 0.5],
        "1 decimal places",
    ),
    "noon": (
        {"type": "datetime"},
        {"type": "date"},
        ["2026-01-31T12:00:00Z", "2026-01-31T00:00:00Z"],
        "midnight in UTC",
    ),
    "address": ({"type": "str"}, {"type": "email"}, ["a", "a@example.com"], "an email address"),
    "page": ({"type": "str"}, {"type": "url"}, ["a", "https://a.example/"], "HTTP or HTTPS"),
    "several": ({"type": "int"}, {"type": "bool"}, [2, 1], "between 0 and 1"),
    "inexact": ({"type": "bigint"}, {"type": "float"}, [2**53, 1], "9007199254740991"),
    "twice": ({"type": "str"}, {"type": "str", "unique": True}, ["a", "a"], "unique"),
    "strange": (
        {"type": "uuid"},
        {"type": "ref", "to": "customers"},
        [FIRST, ANN],
        "row of customers",
    ),
    "formless": (
        {"type": "json"},
        {"type": "int", "nullable": True},
        [{}, {}],
        "cannot become int",
    ),
    "items": (
        {"type": "list", "items": "bigint"},
        {"type": "list", "items": "int"},
        [[1], [2]],
        "cannot become list of int",
    ),
    "new": ({}, {"type": "str"}, [None, None], "give a value for them"),
    "same_letters": (
        {"type": "str", "unique": True},
        {"type": "str", "unique": True, "nocase": True},
        ["ann", "Ann"],
        "lower(field) must be unique",
    ),
    "new_key": ({}, {"type": "str", "unique": True, "default": "a"}, [None, None], "several rows"),
    "unknown_row": ({}, {"type": "ref", "to": "customers"}, [None, None], "no such row"),
}
