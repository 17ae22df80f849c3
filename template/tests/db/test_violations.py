"""What SQLite says about a broken rule; `test_session.py` asks the database of the service."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import IntegrityError

from app.db.violations import Violation, read_violation

TABLES = """
PRAGMA foreign_keys = ON;
CREATE TABLE parts (id INTEGER PRIMARY KEY, sku TEXT NOT NULL, shop TEXT, parent INTEGER
  REFERENCES parts (id), UNIQUE (sku, shop));
INSERT INTO parts VALUES (1, 'tea', 'north', NULL);
"""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("2, 'tea', 'north', NULL", Violation("unique", ("sku", "shop"))),
        ("2, 'cup', 'north', 9", Violation("reference")),
        ("2, NULL, 'north', NULL", Violation("other")),
    ],
)
def test_the_broken_rule_is_told_by_the_message(values: str, expected: Violation) -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)

    with pytest.raises(sqlite3.IntegrityError) as raised:
        database.execute(f"INSERT INTO parts VALUES ({values})")  # noqa: S608  # our own values

    database.close()
    assert read_violation(IntegrityError("INSERT", None, raised.value)) == expected
