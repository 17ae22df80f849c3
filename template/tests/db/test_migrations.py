"""The migrations create the tables of the models, and can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.base import Base
from tests.fixtures import alembic_config


def table_names(connection: sa.Connection) -> set[str]:
    """Return the names of the tables, except that of Alembic."""
    return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def there_and_back(connection: sa.Connection) -> list[set[str]]:
    """Downgrade to base and upgrade again; return the tables after each step."""
    command.downgrade(alembic_config(connection), "base")
    empty = table_names(connection)
    command.upgrade(alembic_config(connection), "head")
    return [empty, table_names(connection)]


def compare(connection: sa.Connection) -> None:
    """Raise if a model and its table differ."""
    command.check(alembic_config(connection))


async def test_every_migration_can_be_undone_and_repeated(connection: AsyncConnection) -> None:
    tables = await connection.run_sync(there_and_back)

    assert tables == [set(), set(Base.metadata.tables)]


async def test_migrations_create_the_tables_of_the_models(connection: AsyncConnection) -> None:
    await connection.run_sync(compare)
