"""Runs inside a generated service: migrates its database, and says what is in it.

The steps come as JSON on standard input, and what they found goes as JSON to standard output. It
is a separate program because each state of a service has other models.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import io
import json
import os
import re
import subprocess
import sys
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))

import sqlalchemy as sa  # the service's folder has to be found first
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import selectinload

Found = Any
READING = ("SELECT", "SHOW", "SET", "show")
KEYWORD = re.compile(r"\b[A-Z]{2,}\b")
LEADING = 7  # after these come types and values
# The kinds of statements in their order, and where migrations have lost the connection: the newest
# kind that was done before, and the kind that was not.
KINDS: dict[tuple[str, ...], int] = {}
INTERRUPTED: set[tuple[int, int]] = set()
command: Any = importlib.import_module("alembic.command")
config: Any = importlib.import_module("alembic.config").Config(toml_file="pyproject.toml")
# Migrations need the models, and no route: those take longer to build than to migrate.
sys.modules["app.api.v1.router"] = importlib.import_module("app.modules")
# The revisions of a service are read once for all steps.
scripts: Any = importlib.import_module("alembic.script").ScriptDirectory
scripts.from_config = functools.cache(scripts.from_config)


class ConnectionLostError(Exception):
    """The connection is gone."""


def upgrade(revision: str) -> Found:
    """Go up."""
    command.upgrade(config, revision)


def downgrade(revision: str) -> Found:
    """Go down."""
    command.downgrade(config, revision)


def check(_: object) -> Found:
    """Raise when a model and its table differ."""
    command.check(config)


def refuse(revisions: list[str]) -> Found:
    """Go up to each of some revisions; return why that is refused, and whether nothing changed."""
    found = []
    before = connected(_everything)
    for revision in revisions:
        reason = "it was not refused"
        try:
            command.upgrade(config, revision)
        except RuntimeError as error:
            reason = str(error)
        after = connected(_everything)
        found.append((reason, before == after))
        before = after
    return found


def print_sql(revisions: str) -> Found:
    """Return the SQL of an upgrade, which is not run."""
    printed = config.output_buffer = io.StringIO()
    command.upgrade(config, revisions, sql=True)
    return printed.getvalue()


def print_downgrade(revisions: str) -> Found:
    """Return the SQL of a downgrade, which is not run."""
    printed = config.output_buffer = io.StringIO()
    command.downgrade(config, revisions, sql=True)
    return printed.getvalue()


def autogenerate(message: str) -> Found:
    """Write a migration for what is different in the models; a later process finds it."""
    command.revision(config, message, autogenerate=True)


def repeat_on_sqlite(_: object) -> Found:
    """Go up and down on the database on which the tests of a service run as well."""

    def repeat(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        command.downgrade(config, "base")

    async def connect() -> None:
        async with create_async_engine("sqlite+aiosqlite://").connect() as connection:
            await connection.run_sync(repeat)

    asyncio.run(connect())


def interrupt(revision: str) -> Found:
    """Go up, and lose the connection at the statements that change something, one after the other.

    Statements differ by their keywords. After the first of its kind, each other kind is met once
    more, because what is repeated is not the same then.
    """
    while True:
        before, done = len(INTERRUPTED), [-1]

        def cut(connection: Any, _: Any, text: str, *more: Any, done: list[int] = done) -> None:
            if text.startswith(READING):
                return
            kind = KINDS.setdefault(tuple(KEYWORD.findall(text)[:LEADING]), len(KINDS))
            place = max(done), kind
            done.append(kind)
            if place not in INTERRUPTED:
                INTERRUPTED.add(place)
                connection.connection.driver_connection.terminate()
                raise ConnectionLostError

        sa.event.listen(sa.Engine, "before_cursor_execute", cut)
        try:
            return command.upgrade(config, revision)
        except (sa.exc.DBAPIError, ConnectionLostError):
            if len(INTERRUPTED) == before:  # it fails by itself
                raise
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", cut)


def dump(_: object) -> Found:
    """Return all definitions of the database."""
    return server_program("pg_dump", "--schema-only", "--restrict-key=x").stdout


def server_program(name: str, *arguments: str, given: str = "") -> Found:
    """Run a program of PostgreSQL on the database."""
    folder = importlib.import_module("dev.postgresql").find_programs()
    url = os.environ["DATABASE_URL"].replace("+asyncpg", "")
    command = [folder / name, *arguments, url]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def execute(script: str) -> Found:
    """Run a script with `psql`; return why it failed."""
    options = ["-Xq", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"]
    done = server_program("psql", *options, given=script)
    return done.stderr.partition("ERROR:  ")[2].strip() if done.returncode else None


def insert(rows: list[tuple[str, str, dict[str, Any]]]) -> Found:
    """Write rows as the service does, through its schemas and models."""
    for module, entity, values in rows:
        schemas = importlib.import_module(f"app.modules.{module}.schemas")
        models = importlib.import_module(f"app.modules.{module}.models")
        owned = [name for name in ("id", "user_id") if name in values]
        identity = {name: uuid.UUID(values.pop(name)) for name in owned}
        sent = getattr(schemas, f"{entity}Create").model_validate(values).model_dump()
        repository = importlib.import_module(f"app.modules.{module}.repository")
        tables = getattr(repository, "LINKS", {})
        links = {tables[name]: sent.pop(name) for name in tables}
        _store(getattr(models, entity)(**identity, **sent), links)


def register(ids: list[str]) -> Found:
    """Write users, who need not sign in."""
    user = importlib.import_module("app.modules.users.models").User
    for number, id_ in enumerate(ids):
        email = f"{number}@example.com"
        _store(user(id=uuid.UUID(id_), email=email, name=email, password_hash=""), {})


def mark(table: str) -> Found:
    """Mark all rows of a table as deleted."""
    rows = sa.table(table, sa.column("is_deleted", sa.Boolean()))

    async def work(session: AsyncSession) -> None:
        await session.execute(sa.update(rows).values(is_deleted=True))

    asyncio.run(_with_session(work))


def read(tables: list[tuple[str, str]]) -> Found:
    """Return the rows of tables as the service answers them."""
    return {module: _answers(module, entity) for module, entity in tables}


def schema(_: object) -> Found:
    """Return the structure of the tables, independently of the order of their columns."""
    return connected(_schema)


def connected(work: Callable[[sa.Connection], Found]) -> Found:
    """Do something with a connection, as one that the service opens."""

    async def connect() -> Found:
        engine = create_async_engine(os.environ["DATABASE_URL"], poolclass=sa.NullPool)
        async with engine.connect() as connection:
            return await connection.run_sync(work)

    return asyncio.run(connect())


async def _with_session(work: Callable[[AsyncSession], Any]) -> Found:
    serializer = importlib.import_module("app.db.session").serialize_json
    engine = create_async_engine(
        os.environ["DATABASE_URL"], poolclass=sa.NullPool, json_serializer=serializer
    )
    async with AsyncSession(engine) as session:
        found = await work(session)
        await session.commit()
    return found


def _store(row: Any, links: dict[Any, list[Any]]) -> None:
    async def work(session: AsyncSession) -> None:
        session.add(row)
        await session.flush()
        for table, others in links.items():
            for other in others:
                pair = {"item_id": row.id, "other_id": other}
                await session.execute(sa.insert(table).values(pair))

    asyncio.run(_with_session(work))


def _answers(module: str, entity: str) -> Found:
    model = getattr(importlib.import_module(f"app.modules.{module}.models"), entity)
    answer = getattr(importlib.import_module(f"app.modules.{module}.schemas"), f"{entity}Read")

    async def work(session: AsyncSession) -> Found:
        linked = [one for one in sa.inspect(model).relationships if one.secondary is not None]
        loaded = [selectinload(one.class_attribute) for one in linked]
        rows = await session.scalars(sa.select(model).options(*loaded).order_by(model.id))
        return [answer.model_validate(row).model_dump(mode="json") for row in rows]

    return asyncio.run(_with_session(work))


def _schema(connection: sa.Connection) -> Found:
    inspector = sa.inspect(connection)
    return {
        table: {
            "columns": sorted(
                f"{one['name']} {one['type']} {one['nullable']}"
                for one in inspector.get_columns(table)
            ),
            "indexes": sorted(map(_index, inspector.get_indexes(table))),
            "expressions": _expressions(connection, table),
            "references": sorted(
                str(sorted(one.items())) for one in inspector.get_foreign_keys(table)
            ),
            "checks": sorted(
                f"{one['name']} {one['sqltext']}" for one in inspector.get_check_constraints(table)
            ),
            "key": inspector.get_pk_constraint(table)["name"],
        }
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version"
    }


def _expressions(connection: sa.Connection, table: str) -> list[str]:
    """Return the indexes of expressions, which SQLAlchemy does not read on SQLite."""
    if connection.dialect.name != "sqlite":
        return []
    created = connection.scalars(sa.text("SELECT sql FROM sqlite_master WHERE type = 'index'"))
    return sorted(sql for sql in created if sql and f" {table} (" in sql and "lower(" in sql)


def _index(index: Any) -> str:
    options = {key: str(value) for key, value in index.pop("dialect_options", {}).items()}
    return str(sorted({**index, "options": options}.items()))


def _everything(connection: sa.Connection) -> Found:
    names = sorted(sa.inspect(connection).get_table_names())
    return [_schema(connection), {name: _contents(connection, name) for name in names}]


def _contents(connection: sa.Connection, table: str) -> list[str]:
    rows: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(sa.table(table))
    return sorted(map(str, connection.execute(rows)))


def main() -> None:
    """Do the steps, in their order."""
    warnings.simplefilter("ignore")  # all that is printed is read
    found = []
    with contextlib.redirect_stdout(io.StringIO()):
        for name, argument in json.load(sys.stdin):
            found.append(STEPS[name](argument))
    print(json.dumps(found))


STEPS: dict[str, Callable[[Any], Found]] = {
    one.__name__: one
    for one in (
        *(upgrade, downgrade, check, refuse, print_sql, print_downgrade, execute, interrupt),
        *(autogenerate, repeat_on_sqlite),
        *(register, insert, mark, read, schema, dump),
    )
}

if __name__ == "__main__":
    main()
