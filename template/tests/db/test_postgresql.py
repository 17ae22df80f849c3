"""The settings limit the connections to PostgreSQL and the time of statements."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import postgresql
from app.db.postgresql import ERROR_POOL, DatabaseSettings, create_engine
from dev.postgresql import UNREACHABLE_URL


def test_pool_size_above_the_maximum_is_rejected() -> None:
    with pytest.raises(ValidationError, match=ERROR_POOL):
        DatabaseSettings(database_url=UNREACHABLE_URL, database_pool_size=21)


@pytest.mark.parametrize("tried_after", [0, 30])
async def test_connection_that_the_server_closed_is_replaced(
    connection: AsyncConnection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tried_after: int,
) -> None:
    if connection.dialect.name != "postgresql":
        pytest.skip("the tests run on another database")
    monkeypatch.setattr(postgresql, "TRIED_AFTER_SECONDS", tried_after)
    engine = create_engine(DatabaseSettings(database_url=database_url))
    pid = sa.text("SELECT pg_backend_pid()")
    async with engine.connect() as first:
        closed = await first.scalar(pid)
    async with engine.connect() as again:
        assert await again.scalar(pid) == closed
    ending = sa.func.pg_terminate_backend(closed, 5_000), sa.func.pg_sleep(0.1)  # it is noticed
    await connection.execute(sa.select(*ending))

    async with engine.connect() as second:
        assert await second.scalar(pid) != closed

    await engine.dispose()


async def test_slow_statement_is_cancelled(connection: AsyncConnection) -> None:
    if connection.dialect.name != "postgresql":
        pytest.skip("the tests run on another database")
    assert await connection.scalar(sa.text("SHOW statement_timeout")) == "30s"
    await connection.execute(sa.text("SET LOCAL statement_timeout = 50"))

    with pytest.raises(DBAPIError, match="statement timeout"):
        await connection.execute(sa.text("SELECT pg_sleep(5)"))
