"""Alembic environment: the database, and the models to compare it with."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.base import Base
from app.db.session import create_migration_engine
from app.db.types import ExactDecimal, ExactInterval, JsonList, JsonObject, UtcDateTime
from app.infrastructure.settings import get_settings

LOCK = 7_214_466_513  # the same for every process that migrates this database
RETRY_SECONDS = 1
BUSY = {"55P03", "40P01"}  # no lock in time, or a deadlock

logger = logging.getLogger("migrations")


def migrate(connection: sa.Connection) -> None:
    """Run the migrations on an open connection, each in a separate transaction."""
    if connection.dialect.name == "sqlite" and find_spec("migrations.v2"):
        import_module("migrations.v2").keep_expression_indexes(connection)
    live = find_spec("migrations.autogenerate") and import_module("migrations.autogenerate")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",  # which alters only a copy of a table
        render_item=render_type,
        autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
        process_revision_directives=getattr(live, "write_live", None),
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def render_type(kind: str, item: object, autogenerate: AutogenContext) -> Any:
    """Render a column type of the app as the stored type, so that migrations never change."""
    match item:
        case UtcDateTime():
            return "sa.DateTime(timezone=True)"
        case ExactDecimal(precision=digits, scale=places):
            return f'sa.Numeric({digits}, {places}).with_variant(sa.BigInteger(), "sqlite")'
        case ExactInterval():
            return 'sa.Interval().with_variant(sa.BigInteger(), "sqlite")'
        case JsonObject() | JsonList():
            autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
            return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
        case sa.types.TypeDecorator():
            return f"sa.{item.impl!r}"
        case _:
            return getattr(item, "render", lambda _: False)(autogenerate.imports)


async def migrate_alone() -> None:
    """Run the migrations while no other process does.

    The lock belongs to a transaction of another connection, because of poolers. An index that is
    created concurrently waits for every snapshot, so no statement waits for the lock, and the last
    one, SET, takes no snapshot.
    """
    engine = create_migration_engine()
    async with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            while not await connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
                await connection.rollback()
                await asyncio.sleep(RETRY_SECONDS / 5)
            await connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await migrate_patiently(engine)


async def migrate_patiently(engine: AsyncEngine) -> None:
    """Retry while a table is locked. Queued requests are served between two attempts."""
    attempts = getattr(get_settings(), "database_migration_attempts", 1)
    for left in reversed(range(attempts)):
        try:
            async with engine.connect() as connection:
                await connection.run_sync(migrate)
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in BUSY or not left:
                raise
            logger.warning("a table is locked; %s attempts are left", left)
        await asyncio.sleep(RETRY_SECONDS)


def print_sql() -> None:
    """Print the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(
        url=create_migration_engine().url,
        target_metadata=Base.metadata,
        literal_binds=True,
        transaction_per_migration=True,
    )
    dialect = context.get_context().dialect
    if dialect.name == "postgresql" and find_spec("migrations.offline"):
        import_module("migrations.offline").prepare(dialect)
    with context.begin_transaction():
        context.run_migrations()


def name_new_file(message: str | None) -> None:
    """Give a new migration a unique file name, because Alembic overwrites files."""
    script = context.script
    if message is None:
        script.file_template += "merge_%(rev)s"
        return
    slug, length = "_".join(re.findall(r"\w+", message)).lower(), script.truncate_slug_length
    if len(slug) > length:
        slug = slug[:length].rpartition("_")[0] + "_"
    if Path(script.versions, f"{dt.datetime.now():%Y-%m-%d}_{slug}.py").exists():
        script.file_template += "_%(rev)s"


options = context.config.cmd_opts
command = options.cmd[0].__name__ if options else ""
if command not in ("upgrade", "downgrade"):  # these compare no models, and start faster without
    import_module("app.api.v1.router")  # importing the routes imports every model
if options and command in ("merge", "revision"):
    name_new_file(options.message)
if context.is_offline_mode():
    print_sql()
elif (given := context.config.attributes.get("connection")) is not None:
    migrate(given)  # tests pass their own connection
elif not options or command not in ("merge", "revision") or getattr(options, "autogenerate", False):
    asyncio.run(migrate_alone())
