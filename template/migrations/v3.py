"""Helpers of migrations for tables that are in use, in addition to those in `v1.py` and `v2.py`.

On PostgreSQL, requests do not wait for what reads or writes many rows: it has a transaction of its
own, and no lock that keeps them from the table. A migration with these helpers is therefore several
transactions. If it ends in the middle, `alembic upgrade head` runs it again, and each helper does
what is left to do. On SQLite, and with `live=False`, a migration is one transaction.

This file is history, like the migrations that import it: never edit it. An update adds it to a
service that has none and leaves it alone from then on. Other helpers belong in a new file, `v4.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations import v1
from migrations.offline import Compiler

BATCH = 1000
TIMEOUT = "current_setting('lock_timeout')"  # of a script that `--sql` prints
# No column is called like its variables.
FILL = """DO $fill$
DECLARE
    first__ "{table}"."{key}"%TYPE;
    last__ "{table}"."{key}"%TYPE;
BEGIN
    SELECT "{key}" INTO first__ FROM "{table}" ORDER BY "{key}" LIMIT 1;
    WHILE first__ IS NOT NULL LOOP
        PERFORM set_config('lock_timeout', {timeout}, true);
        SELECT "{key}" INTO last__ FROM "{table}" WHERE "{key}" > first__
        ORDER BY "{key}" OFFSET {offset} LIMIT 1;
        UPDATE "{table}" SET "{column}" = {value}
        WHERE "{key}" >= first__ AND (last__ IS NULL OR "{key}" <= last__) AND "{column}" IS NULL;
        COMMIT;
        first__ := last__;
    END LOOP;
END
$fill$"""


def is_live(live: bool = True) -> bool:
    """Return whether a migration can be several transactions; that of a test cannot."""
    context = op.get_context()
    return live and not v1.on_sqlite() and not context._in_external_transaction


@contextmanager
def committed() -> Iterator[None]:
    """Commit, and run statements for which no request has to wait, however long they take.

    They have no lock timeout: an index that waits for a transaction delays only the migration.
    """
    with op.get_context().autocommit_block():
        yield


def commit() -> None:
    """Commit, because what was done so far has locks that requests wait for."""
    with committed():
        pass


def find(query: str, **names: str) -> object:
    """Return a value of the catalogs of PostgreSQL; with `--sql` nothing is known of them."""
    if op.get_context().as_sql:
        return None
    return op.get_bind().scalar(sa.text(query), names)


def has_constraint(table: str, name: str) -> bool:
    query = "SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(:table) AND conname = :name"
    return find(query, table=f'"{table}"', name=name) is not None


def add_column(table: str, column: sa.Column[Any], value: object = None) -> None:
    """Add a column, with a value for the rows that are there.

    On PostgreSQL the value remains the default of the column, so no row has to be written, and the
    version of the service that does not know the column can go on to create rows. An expression
    gives each row a value of its own.
    """
    if value is None:
        op.add_column(table, column, if_not_exists=not v1.on_sqlite())
    elif isinstance(value, sa.TextClause) or v1.on_sqlite():
        empty = sa.Column(column.name, column.type)
        op.add_column(table, empty, if_not_exists=not v1.on_sqlite())
        if isinstance(value, sa.TextClause) and not v1.on_sqlite():
            op.alter_column(table, column.name, server_default=value)
        set_not_null(table, sa.column(column.name, column.type), value)
    else:
        default: sa.ColumnElement[Any] = sa.literal_column(as_literal(value, column.type))
        column.server_default = sa.DefaultClause(default)
        op.add_column(table, column, if_not_exists=True)


def set_not_null(
    table: str, column: sa.ColumnClause[Any], value: object = None, live: bool = True
) -> None:
    """Require a value in each row, and give one to the rows that have none.

    PostgreSQL does not read the table for it while a check says that there is no row without.
    """
    if not is_live(live):
        if value is not None:
            v1.fill(table, column, value)
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column.name, nullable=False)
        return
    if value is not None:
        backfill(table, column, value)
    check = f"{table}_{column.name}"[:54] + "_required"
    add_unchecked(check, table, f'"{column.name}" IS NOT NULL')
    if value is not None:
        backfill(table, column, value)  # rows that were written in the meantime
    validate(table, check)
    op.alter_column(table, column.name, nullable=False)
    drop_constraint(check, table, "check")


def backfill(table: str, column: sa.ColumnClause[Any], value: object, key: str = "id") -> None:
    """Give a value to the rows that have none, in batches along a unique column."""
    if not is_live():
        v1.fill(table, column, value)
        return
    block = FILL.format(
        table=table,
        key=key,
        offset=BATCH - 1,
        column=column.name,
        value=as_literal(value, column.type),
        timeout=find("SELECT quote_literal(current_setting('lock_timeout'))") or TIMEOUT,
    )
    with committed():
        op.execute(sa.text(block.replace(":", r"\:")))


def add_index(
    name: str, table: str, columns: Sequence[Any], replace: bool = False, **options: Any
) -> None:
    """Create an index, or replace the one with this name; `options` are those of `op.create_index`.

    An index that an earlier attempt left incomplete is dropped. The old one serves until the new
    one is complete.
    """
    if not is_live():
        if replace:
            op.drop_index(name, table)
        op.create_index(name, table, columns, **options)
        return
    built = f"{name[:58]}__new" if replace else name
    query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"
    with committed():
        if not find(query, name=f'"{built}"'):
            op.drop_index(built, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(
                built, table, columns, if_not_exists=True, postgresql_concurrently=True, **options
            )
    if replace:
        op.drop_index(name, table, if_exists=True)
        v1.rename_index(built, name)
        commit()


def drop_index(name: str, table: str) -> None:
    if not is_live():
        op.drop_index(name, table)
        return
    with committed():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


def add_foreign_key(
    name: str,
    table: str,
    column: str,
    target: str,
    ondelete: str = "RESTRICT",
    replace: bool = False,
    live: bool = True,
) -> None:
    """Create a reference to the `id` of another table, or replace the one with this name."""
    columns, others = [column], ["id"]
    if replace and not is_live(live):
        drop_constraint(name, table, "foreignkey")
    if not is_live(live):
        with op.batch_alter_table(table) as batch:
            batch.create_foreign_key(name, target, columns, others, ondelete=ondelete)
        return
    if replace or not has_constraint(table, name):
        drop_constraint(name, table, "foreignkey")
        op.create_foreign_key(
            name, table, target, columns, others, ondelete=ondelete, postgresql_not_valid=True
        )
    validate(table, name)


def add_check(
    name: str, table: str, condition: str, replace: bool = False, live: bool = True
) -> None:
    """Create a check that all rows have to pass, or replace the one with this name."""
    if replace and not is_live(live):
        drop_constraint(name, table, "check")
    if not is_live(live):
        with op.batch_alter_table(table) as batch:
            batch.create_check_constraint(op.f(name), condition)
        return
    if replace or not has_constraint(table, name):
        add_unchecked(name, table, condition)
    validate(table, name)


def add_unchecked(name: str, table: str, condition: str) -> None:
    """Create a check that only new values have to pass, in place of the one with this name."""
    drop_constraint(name, table, "check")
    op.create_check_constraint(op.f(name), table, condition, postgresql_not_valid=True)


def validate(table: str, constraint: str) -> None:
    """Check the rows that are there; nothing happens if they were checked before."""
    commit()
    op.execute(f'ALTER TABLE "{table}" VALIDATE CONSTRAINT "{constraint}"')
    commit()


def drop_constraint(name: str, table: str, kind: str) -> None:
    """Drop a constraint; on PostgreSQL it may be missing, if an earlier attempt dropped it."""
    if v1.on_sqlite():
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(name), type_=kind)
    else:
        op.drop_constraint(op.f(name), table, type_=kind, if_exists=True)


def drop_columns(table: str, *columns: str) -> None:
    with op.batch_alter_table(table) as batch:
        for column in columns:
            batch.drop_column(column)


def alter_column(table: str, column: str, **changes: Any) -> None:
    """Change a column without a change of its values; `changes` are those of `op.alter_column`."""
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, **changes)


def convert(
    table: str, column: str, kind: sa.types.TypeEngine[Any], using: str, sqlite: str
) -> None:
    """Change the type of a column; the SQL expressions convert its values, with {} for its name.

    PostgreSQL rewrites the table, and keeps it locked until the end of the migration.
    """
    if not v1.on_sqlite():
        op.alter_column(table, column, server_default=None)  # has the old type
        v1.convert(table, column, kind, using, sqlite)
        return
    columns = sa.inspect(v1.connection()).get_columns(table)
    is_required = column in [one["name"] for one in columns if not one["nullable"]]
    v1.convert(table, column, kind, using, sqlite)
    if is_required:
        alter_column(table, column, nullable=False)


def random_uuid() -> sa.TextClause:
    """Return an expression with another value for each row."""
    digits = "lower(hex(randomblob(6))) || '4' || substr(lower(hex(randomblob(2))), 2)"
    more = "'a' || substr(lower(hex(randomblob(2))), 2) || lower(hex(randomblob(6)))"
    return sa.text(f"{digits} || {more}" if v1.on_sqlite() else "gen_random_uuid()")


def as_literal(value: object, kind: sa.types.TypeEngine[Any]) -> str:
    """Return a value as PostgreSQL reads it in a statement without parameters."""
    dialect = op.get_context().dialect
    element = value if isinstance(value, sa.ClauseElement) else sa.literal(value, kind)
    return str(Compiler(dialect, element, compile_kwargs={"literal_binds": True}))
