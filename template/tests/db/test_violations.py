"""What the drivers say about a broken rule; `test_session.py` asks the real database."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import IntegrityError

from app.db.violations import Violation, read_violation

TABLES = """
PRAGMA foreign_keys = ON;
CREATE TABLE parts (id INTEGER PRIMARY KEY CHECK (id > 0), sku TEXT NOT NULL, shop TEXT, parent INTEGER
  REFERENCES parts (id), UNIQUE (sku, shop));
INSERT INTO parts VALUES (1, 'tea', 'north', NULL);
"""


class DriverError(Exception):
    """An error as PostgreSQL's driver raises it."""

    def __init__(self, sqlstate: str, constraint_name: str | None) -> None:
        super().__init__()
        self.sqlstate = sqlstate
        self.table_name = "parts"
        self.constraint_name = constraint_name


@pytest.mark.parametrize(
    ("sqlstate", "constraint", "expected"),
    [
        ("23505", "parts_sku_key", Violation("unique", ("sku",))),
        ("23503", "parts_parent_id_fkey", Violation("reference", ("parent_id",))),
        ("23502", None, Violation("other")),
        ("23514", "parts_sku_check", Violation("check")),
    ],
)
def test_the_broken_rule_is_told_by_the_constraint(
    sqlstate: str, constraint: str | None, expected: Violation
) -> None:
    raised = DriverError(sqlstate, constraint)
    raised.__cause__ = raised

    assert read_violation(IntegrityError("INSERT", None, raised)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("2, 'tea', 'north', NULL", Violation("unique", ("sku", "shop"))),
        ("2, 'cup', 'north', 9", Violation("reference")),
        ("2, NULL, 'north', NULL", Violation("other")),
        ("0, 'cup', 'north', NULL", Violation("check")),
    ],
)
def test_the_broken_rule_is_told_by_the_message(values: str, expected: Violation) -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)

    with pytest.raises(sqlite3.IntegrityError) as raised:
        database.execute(f"INSERT INTO parts VALUES ({values})")  # noqa: S608  # our own values

    database.close()
    assert read_violation(IntegrityError("INSERT", None, raised.value)) == expected
