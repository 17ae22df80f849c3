"""Helpers of migrations: checks of existing rows, and changes that SQLite has no statement for.

This file is history, like the migrations that import it: never edit it. An update adds it to a
service that has none and leaves it alone from then on. Other helpers belong in a new file, `v2.py`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

ALL_ROWS = sa.true()
LIVE_ROWS = sa.not_(sa.column("is_deleted", sa.Boolean()))


def on_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def connection() -> sa.Connection:
    """Return the connection of the migration; with `--sql` there is none."""
    if op.get_context().as_sql:
        raise RuntimeError("This migration reads the database: run it without --sql")
    return op.get_bind()


def refuse(table: str, column: str, rows: sa.ColumnElement[bool], rule: str) -> None:
    """Raise, before anything is changed, if the table has such rows."""
    count = sa.select(sa.func.count()).select_from(sa.table(table)).where(rows)
    if found := connection().scalar(count):
        raise RuntimeError(f"{table}.{column} {rule}; invalid rows: {found}")


def refuse_rows(table: str, column: str) -> None:
    rule = "is required and has no default, but the table has rows: give a value for them"
    refuse(table, column, ALL_ROWS, rule)


def refuse_deleted_rows(table: str) -> None:
    """Raise if rows are marked as deleted: without the mark they would be restored."""
    marked = sa.column("is_deleted", sa.Boolean()).is_(True)
    refuse(table, "is_deleted", marked, "marks deleted rows: purge or restore them first")


def refuse_values(table: str, column: str, rule: str) -> None:
    refuse(table, column, sa.column(column).is_not(None), rule)


def refuse_nulls(table: str, column: str) -> None:
    refuse(table, column, sa.column(column).is_(None), "becomes required: give each row a value")


def refuse_other_values(table: str, column: str, values: list[str]) -> None:
    rule = f"must be one of {', '.join(values)}"
    refuse(table, column, sa.column(column).not_in(values), rule)


def refuse_longer(table: str, column: str, length: int) -> None:
    longer = sa.func.length(sa.column(column)) > length
    refuse(table, column, longer, f"must have at most {length} characters")


def refuse_mismatches(table: str, column: str, pattern: str, rule: str) -> None:
    refuse(table, column, sa.not_(sa.column(column).regexp_match(pattern)), rule)


def refuse_invalid_dates(table: str, column: str) -> None:
    """The values are text. A pattern accepts 2026-02-30, so the distinct dates are parsed."""
    pattern = r"^\d{4}-\d{2}-\d{2}\Z"
    refuse_mismatches(table, column, pattern, "must be a date such as 2026-01-31")
    texts: sa.Select[Any] = sa.select(sa.column(column)).select_from(sa.table(table)).distinct()
    for text in connection().scalars(texts.where(sa.column(column).is_not(None))):
        try:
            dt.date.fromisoformat(text)
        except ValueError as error:
            raise RuntimeError(f"{table}.{column} must be a date, not {text}") from error


def refuse_times(table: str, column: str) -> None:
    """Raise if a date and time is not midnight in UTC."""
    if on_sqlite():
        midnight = sa.func.substr(sa.column(column), 12) == "00:00:00.000000"
    else:
        moment = sa.func.timezone("UTC", sa.column(column))
        midnight = sa.func.date_trunc("day", moment) == moment
    refuse(table, column, sa.not_(midnight), "must be midnight in UTC")


def refuse_outside(table: str, column: str, least: int, greatest: int, unit: int = 1) -> None:
    """`unit` is the power of ten by which SQLite scales the decimals of the column."""
    scale = unit if on_sqlite() else 1
    number = sa.cast(sa.column(column), sa.Numeric())
    outside = sa.or_(number < least * scale, number > greatest * scale)
    refuse(table, column, outside, f"must be between {least} and {greatest}")


def refuse_too_large(table: str, column: str, bound: int, unit: int = 1) -> None:
    """`unit` is the power of ten by which SQLite scales the decimals of the column."""
    scale = unit if on_sqlite() else 1
    number = sa.cast(sa.column(column), sa.Numeric())
    large = sa.or_(number <= -bound * scale, number >= bound * scale)
    refuse(table, column, large, f"must be above -{bound} and below {bound}")


def refuse_fractions(table: str, column: str, places: int, unit: int) -> None:
    """`unit` is the power of ten by which the decimals have to be divisible on SQLite."""
    if on_sqlite():
        exact = sa.column(column, sa.BigInteger()) % unit == 0
    else:
        exact = sa.func.round(sa.column(column), places) == sa.column(column)
    refuse(table, column, sa.not_(exact), f"must have at most {places} decimal places")


def refuse_rounding(table: str, column: str, places: int) -> None:
    """Raise if a float would have to be rounded."""
    number = sa.cast(sa.column(column), sa.Numeric())
    rounded = sa.func.round(number, places)
    refuse(table, column, rounded != number, f"must have at most {places} decimal places")


def refuse_unknown_references(
    table: str, column: str, target: str, owner: str | None = None
) -> None:
    """Raise if a row refers to no row of `target`, or to one that has another `owner`."""
    others = sa.table(target, sa.column("id"), *([sa.column(owner)] if owner else [])).alias()
    known = sa.select(others.c.id)
    if owner:
        known = known.where(others.c[owner] == sa.literal_column(f'"{table}".{owner}'))
    rule = f"must be the id of a row of {target}"
    refuse(table, column, sa.column(column).not_in(known), rule)


def refuse_unknown_row(table: str, column: str, value: uuid.UUID, target: str) -> None:
    """Raise if there are rows to refer to `value`, and `target` has no such row."""
    known = sa.select(sa.column("id", sa.Uuid())).select_from(sa.table(target))
    unknown = sa.literal(value, sa.Uuid()).not_in(known)
    refuse(table, column, unknown, f"cannot be {value}: {target} has no such row")


def refuse_duplicates(table: str, columns: list[str], rows: sa.ColumnElement[bool]) -> None:
    """Raise if some of these rows have the same values, which must become unique."""
    names: list[sa.ColumnClause[Any]] = [sa.column(name) for name in columns]
    values: sa.Select[Any] = sa.select(*names).select_from(sa.table(table)).where(rows)
    repeated = values.group_by(*names).having(sa.func.count() > 1)
    duplicates = sa.and_(rows, sa.tuple_(*names).in_(repeated))
    refuse(table, ", ".join(columns), duplicates, "must be unique")


def refuse_shared_value(
    table: str, column: str, rows: sa.ColumnElement[bool], owner: str | None = None
) -> None:
    """Raise if several of these rows, or several of one owner, would get one unique value."""
    if owner:
        owners: sa.Select[Any] = sa.select(sa.column(owner)).select_from(sa.table(table))
        several = owners.where(rows).group_by(sa.column(owner)).having(sa.func.count() > 1)
        rows = sa.and_(rows, sa.column(owner).in_(several))
    else:
        ids: sa.Select[Any] = sa.select(sa.column("id")).select_from(sa.table(table))
        first = ids.where(rows).limit(1).scalar_subquery()
        rows = sa.and_(rows, sa.column("id") != first)
    refuse(table, column, rows, "must be unique: several rows cannot have the same value")


def refuse_violations(table: str, check: str) -> None:
    holds = sa.literal_column(f"({check})", sa.Boolean())
    refuse(table, check, sa.not_(holds), "must be true for every row")


def fill(table: str, column: sa.ColumnClause[Any], value: object) -> None:
    """Give a value to the rows that have none."""
    rows = sa.table(table, column)
    op.execute(sa.update(rows).where(column.is_(None)).values({column.name: value}))


def stored(value: object, count: int) -> object:
    """Return an exact value as the database stores it: SQLite counts its smallest units."""
    return count if on_sqlite() else value


def convert(
    table: str, column: str, kind: sa.types.TypeEngine[Any], using: str, sqlite: str
) -> None:
    """Change the type of a column; the SQL expressions convert its values, with {} for its name."""
    name = f'"{column}"'
    if not on_sqlite():
        op.alter_column(table, column, type_=kind, postgresql_using=using.format(name))
        return
    # SQLite casts while it copies a table, which breaks dates and exact numbers.
    added = f"{column}__new"
    op.add_column(table, sa.Column(added, kind, nullable=True))
    rows = sa.table(table, sa.column(added))
    op.execute(sa.update(rows).values({added: sa.text(sqlite.format(name))}))
    with op.batch_alter_table(table) as batch:
        batch.drop_column(column)
        batch.alter_column(added, new_column_name=column)


def rename_index(old: str, new: str) -> None:
    if not on_sqlite():
        op.execute(f'ALTER INDEX "{old}" RENAME TO "{new}"')
        return
    definition = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name")
    created = connection().scalars(definition, {"name": old}).one()
    op.drop_index(old)
    op.execute(created.replace(old, new, 1))


def rename_constraints(table: str, names: Mapping[str, str]) -> None:
    """Rename primary keys, foreign keys and checks; SQLite copies the table, once for all."""
    if not on_sqlite():
        for old, new in names.items():
            op.execute(f'ALTER TABLE "{table}" RENAME CONSTRAINT "{old}" TO "{new}"')
        return
    inspector = sa.inspect(connection())
    with op.batch_alter_table(table) as batch:
        primary = inspector.get_pk_constraint(table)
        if (old := str(primary["name"])) in names:
            batch.drop_constraint(old, type_="primary")
            batch.create_primary_key(names[old], primary["constrained_columns"])
        for key in inspector.get_foreign_keys(table):
            if (old := str(key["name"])) in names:
                batch.drop_constraint(old, type_="foreignkey")
                batch.create_foreign_key(
                    names[old],
                    key["referred_table"],
                    key["constrained_columns"],
                    key["referred_columns"],
                    ondelete=key["options"].get("ondelete"),
                )
        for check in inspector.get_check_constraints(table):
            if (old := str(check["name"])) in names:
                batch.drop_constraint(op.f(old), type_="check")
                batch.create_check_constraint(op.f(names[old]), check["sqltext"])
