"""The migrations create the tables of the models, and can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.base import Base


def table_names(connection: sa.Connection) -> set[str]:
    """Return the names of the tables, except that of Alembic."""
    return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def there_and_back(connection: sa.Connection, config: Config) -> list[set[str]]:
    """Downgrade to base and upgrade again; return the tables after each step."""
    config.attributes["connection"] = connection
    command.downgrade(config, "base")
    empty = table_names(connection)
    command.upgrade(config, "head")
    return [empty, table_names(connection)]


def compare(connection: sa.Connection, config: Config) -> None:
    """Raise if a model and its table differ."""
    config.attributes["connection"] = connection
    command.check(config)


async def test_every_migration_can_be_undone_and_repeated(
    connection: AsyncConnection, alembic_config: Config
) -> None:
    tables = await connection.run_sync(there_and_back, alembic_config)

    assert tables == [set(), set(Base.metadata.tables)]


async def test_migrations_create_the_tables_of_the_models(
    connection: AsyncConnection, alembic_config: Config
) -> None:
    await connection.run_sync(compare, alembic_config)
