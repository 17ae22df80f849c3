"""Errors of the database drivers are read; `test_session.py` tests the real database."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.db.base import Base
from app.db.violations import Violation, read_violation

TABLES = """
PRAGMA foreign_keys = ON;
CREATE TABLE _parts (id INTEGER PRIMARY KEY, sku TEXT NOT NULL, shop TEXT, parent INTEGER
  REFERENCES _parts (id), UNIQUE (sku, shop), CONSTRAINT _parts_shop_check CHECK (sku <> shop));
INSERT INTO _parts VALUES (1, 'tea', 'north', NULL);
"""


class DriverError(Exception):
    """An error as the driver of PostgreSQL raises it."""

    def __init__(self, sqlstate: str, detail: str | None) -> None:
        super().__init__()
        self.sqlstate = sqlstate
        self.detail = detail
        self.constraint_name = "_parts_shop_check" if sqlstate == "23514" else "_parts_sku_key"
        self.__cause__ = self


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the metadata of the models by one with this table and its check."""
    metadata = sa.MetaData()
    columns = [sa.Column(name, sa.Text()) for name in ("id", "sku", "shop")]
    check = sa.CheckConstraint("sku <> shop", name="_parts_shop_check")
    index = sa.Index("_parts_sku_key", sa.text("lower(sku)"), unique=True)
    sa.Table("_parts", metadata, *columns, check, index)
    monkeypatch.setattr(Base, "metadata", metadata)


@pytest.mark.parametrize(
    ("sqlstate", "detail", "expected"),
    [
        ("23505", 'Key (sku, "order")=(tea, (a)=(b)', Violation("unique", ("sku", "order"))),
        ("23505", "Key (lower(sku))=(tea) already exists.", Violation("unique", ("sku",))),
        ("23503", "Key (parent_id)=(9) is not present", Violation("reference", ("parent_id",))),
        ("23502", None, Violation("other")),
        ("23514", "Failing row contains (1, 2).", Violation("check", ("sku", "shop"))),
    ],
)
def test_postgresql_error_names_rule_and_columns(
    sqlstate: str, detail: str | None, expected: Violation
) -> None:
    raised = DriverError(sqlstate, detail)

    assert read_violation(IntegrityError("INSERT", None, raised)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("2, 'tea', 'north', NULL", Violation("unique", ("sku", "shop"))),
        ("2, 'cup', 'north', 9", Violation("reference")),
        ("2, NULL, 'north', NULL", Violation("other")),
        ("2, 'cup', 'cup', NULL", Violation("check", ("sku", "shop"))),
    ],
)
def test_sqlite_error_names_rule_and_columns(values: str, expected: Violation) -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)

    with pytest.raises(sqlite3.IntegrityError) as raised:
        database.execute(f"INSERT INTO _parts VALUES ({values})")  # noqa: S608  # our own values

    database.close()
    assert read_violation(IntegrityError("INSERT", None, raised.value)) == expected
