"""SQLite is configured for foreign keys, savepoints and simultaneous writers."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.sqlite import (
    ERROR_DRIVER,
    READING,
    DatabaseSettings,
    create_engine,
    create_migration_engine,
)
from app.db.violations import is_busy, is_down


def test_another_driver_is_rejected() -> None:
    with pytest.raises(ValidationError, match=re.escape(ERROR_DRIVER)):
        DatabaseSettings(database_url="sqlite:///service.sqlite3")


async def test_foreign_keys_are_enforced(connection: AsyncConnection) -> None:
    assert await connection.scalar(sa.text("PRAGMA foreign_keys")) == 1


async def test_busy_database_is_recognized(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'busy.sqlite3'}"
    engine = create_engine(DatabaseSettings(database_url=url, database_busy_timeout_ms=0))

    async with engine.begin():
        with pytest.raises(DBAPIError) as raised:
            async with engine.begin():
                pass

    assert is_busy(raised.value)
    await engine.dispose()


async def test_full_disk_is_recognized_and_the_database_is_read(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'full.sqlite3'}"
    engine = create_engine(DatabaseSettings(database_url=url))
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE _full (content BLOB)"))
        await connection.execute(sa.text("PRAGMA max_page_count = 2"))

    with pytest.raises(DBAPIError) as raised:
        async with engine.begin() as connection:
            await connection.execute(sa.text("INSERT INTO _full VALUES (zeroblob(9999))"))
    async with engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM _full")) == 0

    assert is_down(raised.value)
    await engine.dispose()


async def test_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'read.sqlite3'}"
    engine = create_engine(DatabaseSettings(database_url=url, database_busy_timeout_ms=0))

    async with engine.begin(), engine.execution_options(**READING).connect() as reader:
        assert await reader.scalar(sa.text("SELECT 1")) == 1

    await engine.dispose()


async def test_indexes_have_statistics_after_a_migration(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'counted.sqlite3'}"
    engine = create_migration_engine(DatabaseSettings(database_url=url))
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE _counted (number INTEGER UNIQUE)"))
        await connection.execute(sa.text("INSERT INTO _counted VALUES (1), (2)"))

    async with engine.connect() as connection:
        found = await connection.execute(sa.text("SELECT tbl, stat FROM sqlite_stat1"))

    assert found.all() == [("_counted", "2 1")]


async def test_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'turns.sqlite3'}"
    engine = create_engine(DatabaseSettings(database_url=url))
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE _turns (number INTEGER)"))
        await connection.execute(sa.text("INSERT INTO _turns VALUES (0)"))

    async def take_turn() -> None:
        async with engine.begin() as connection:
            number = await connection.scalar(sa.text("SELECT number FROM _turns"))
            await asyncio.sleep(0.01)
            await connection.execute(sa.text("UPDATE _turns SET number = :n"), {"n": number + 1})

    await asyncio.gather(*(take_turn() for _ in range(5)))

    async with engine.begin() as connection:
        assert await connection.scalar(sa.text("SELECT number FROM _turns")) == 5
    await engine.dispose()
