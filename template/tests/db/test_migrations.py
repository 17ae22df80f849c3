"""The migrations lead from nothing to what the models say, and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.base import Base


def table_names(connection: sa.Connection) -> set[str]:
    """Return the tables that there are, but for Alembic's own."""
    return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def there_and_back(connection: sa.Connection, config: Config) -> list[set[str]]:
    """Downgrade to nothing and upgrade again; return the tables after each step."""
    config.attributes["connection"] = connection
    command.downgrade(config, "base")
    empty = table_names(connection)
    command.upgrade(config, "head")
    return [empty, table_names(connection)]


def compare(connection: sa.Connection, config: Config) -> None:
    """Raise when a model and its table differ."""
    config.attributes["connection"] = connection
    command.check(config)


async def test_every_migration_can_be_undone_and_repeated(
    connection: AsyncConnection, alembic_config: Config
) -> None:
    tables = await connection.run_sync(there_and_back, alembic_config)

    assert tables == [set(), set(Base.metadata.tables)]


async def test_the_migrations_make_what_the_models_say(
    connection: AsyncConnection, alembic_config: Config
) -> None:
    await connection.run_sync(compare, alembic_config)
