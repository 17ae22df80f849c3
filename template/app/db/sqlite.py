"""SQLite: its settings, and the engine that they ask for."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any, Self

import sqlalchemy as sa
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

DRIVER = "sqlite+aiosqlite:///"
ERROR_DRIVER = f"DATABASE_URL must start with {DRIVER}"
# Execution options of reads, which need no transaction.
READING = {"reading": True}


class DatabaseSettings(BaseSettings):
    """Where the database file is, and how long a writer waits for another one."""

    database_url: str = Field(repr=False)
    database_busy_timeout_ms: int = Field(default=5_000, ge=0)

    @model_validator(mode="after")
    def validate_pool_size(self) -> Self:
        """Report invalid settings at startup instead of at the first query."""
        if not self.database_url.startswith(DRIVER):
            raise ValueError(ERROR_DRIVER)
        return self


def create_engine(settings: DatabaseSettings, **options: Any) -> AsyncEngine:
    """Return an engine whose connections enforce what SQLite does not enforce by default."""
    timeout = settings.database_busy_timeout_ms / 1000
    engine = create_async_engine(
        settings.database_url,
        connect_args={"timeout": timeout},
        hide_parameters=True,  # an unexpected error is logged, and values may be secrets
        **options,
    )
    sa.event.listen(engine.sync_engine, "connect", prepare_connection)
    sa.event.listen(engine.sync_engine, "begin", begin_transaction)
    return engine


def create_migration_engine(settings: DatabaseSettings) -> AsyncEngine:
    """Return an engine that does not enforce foreign keys, so that tables can be copied."""
    engine = create_async_engine(settings.database_url, poolclass=sa.NullPool)
    sa.event.listen(engine.sync_engine, "close", update_statistics)
    return engine


def update_statistics(connection: Any, _: object) -> None:
    """Let SQLite count the values of each index.

    Otherwise it reads and sorts all rows that match a filter, even if most rows match.
    """
    with contextlib.suppress(sqlite3.OperationalError):  # the file is locked or read-only
        cursor = connection.cursor()
        cursor.execute("ANALYZE")
        cursor.close()


def prepare_connection(connection: Any, _: object) -> None:
    """Enforce foreign keys, let readers and a writer work at once, leave `BEGIN` to us."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def begin_transaction(connection: sa.Connection) -> None:
    """Begin as a writer, so that a second one waits.

    The driver begins a transaction late, which breaks savepoints; and SQLite refuses at once,
    without waiting, a transaction that has read and wants to write while another one wrote.
    """
    if "reading" not in connection.get_execution_options():
        connection.exec_driver_sql("BEGIN IMMEDIATE")
