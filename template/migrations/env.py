"""Alembic environment: the database, and the models to compare it with."""

from __future__ import annotations

import asyncio
from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

import app.api.v1.router  # noqa: F401  # importing the routes imports every model
from app.db.base import Base
from app.db.session import create_migration_engine
from app.db.types import ExactDecimal, ExactInterval, JsonList, JsonObject, UtcDateTime


def migrate(connection: sa.Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite cannot alter a table in place, so Alembic copies it.
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_type,
    )
    with context.begin_transaction():
        context.run_migrations()


def render_type(kind: str, item: object, autogenerate: AutogenContext) -> str | Literal[False]:
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
        case _:
            return False


async def connect_and_migrate() -> None:
    engine = create_migration_engine()
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def print_sql() -> None:
    """Print the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(
        url=create_migration_engine().url, target_metadata=Base.metadata, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    print_sql()
elif (given := context.config.attributes.get("connection")) is not None:
    migrate(given)  # tests pass their own connection
else:
    asyncio.run(connect_and_migrate())
