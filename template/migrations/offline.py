"""`alembic upgrade --sql`: the checks and values of migrations, without a connection."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql.base import PGCompiler

from app.infrastructure.settings import get_settings
from migrations import v1

BLOCK = """DO $check$
DECLARE found bigint;
BEGIN
    {count} INTO found;
    IF found > 0 THEN
        RAISE EXCEPTION USING MESSAGE = {message} || found;
    END IF;
END
$check$;"""


class Compiler(PGCompiler):
    """Prints values for which SQLAlchemy has no literals."""

    def render_literal_value(self, value: Any, type_: sa.types.TypeEngine[Any]) -> str:
        if isinstance(type_, sa.JSON):
            value, type_ = json.dumps(value), sa.String()
        elif isinstance(value, dt.timedelta):
            seconds = f"{value.seconds}.{value.microseconds:06}"
            value, type_ = f"{value.days} days {seconds} seconds", sa.String()
        elif isinstance(value, bytes):
            value, type_ = rf"\x{value.hex()}", sa.String()
        text: str = super().render_literal_value(value, type_)  # type: ignore[no-untyped-call]
        return text


class Printer:
    """Replaces the connection of `v1.py`."""

    def scalars(self, texts: sa.Select[Any]) -> list[str]:
        """Print a statement that fails if one of the texts is not a date."""
        text = texts.subquery().c[0]
        op.execute(sa.select(sa.func.count(sa.cast(text, sa.Date()))))
        return []


def prepare(dialect: sa.Dialect) -> None:
    """Print the checks of `v1.py` as blocks that PostgreSQL runs, and every value as a literal.

    The script waits for locks only as long as a migration does.
    """
    vars(v1).update(refuse=print_check, connection=Printer)
    dialect.statement_compiler = Compiler
    timeout = getattr(get_settings(), "database_migration_lock_timeout_ms", 0)
    context.execute(f"SET lock_timeout = {timeout}")
    context.execute("SET statement_timeout = 0")


def print_check(table: str, column: str, rows: sa.ColumnElement[bool], rule: str) -> None:
    """Print a block that fails if the table has such rows, with the message of `v1.refuse`."""
    count = sa.select(sa.func.count()).select_from(sa.table(table)).where(rows)
    message = sa.literal(f"{table}.{column} {rule}; invalid rows: ")
    impl = op.get_context().impl
    impl.static_output(BLOCK.format(count=as_sql(count), message=as_sql(message)))


def as_sql(element: sa.ClauseElement) -> str:
    literal = {"literal_binds": True}
    return str(element.compile(dialect=op.get_context().dialect, compile_kwargs=literal))
