"""PostgreSQL: settings and engines."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from functools import partial
from typing import Any, Self

import anyio
import asyncpg  # type: ignore[import-untyped]
import sqlalchemy as sa
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import await_only

from app.db.postgresql_url import Target, read_url

ERROR_POOL = "DATABASE_POOL_MAX_SIZE must not be smaller than DATABASE_POOL_SIZE"
ERROR_NO_TURN = "No connection of the pool is free in time"
ERROR_TOO_SLOW = "The server does not answer in time"
# Execution options of reads, which need no transaction.
READING = {"isolation_level": "AUTOCOMMIT"}
# A connection that was idle for longer is tested before it is used.
TRIED_AFTER_SECONDS = 30
PING_SECONDS = 5  # TCP waits for many minutes
# The driver waits this much longer than the server, whose error says more.
DRIVER_SECONDS = 1
READ_ONLY = "25006"  # the error of a server that has become a standby
WAKE_PAUSE_SECONDS = 0.5
# A server that starts refuses connections, ends them, or says so.
STARTING = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)


class FairPool(AsyncAdaptedQueuePool):
    """A pool whose connections are given to requests in the order in which they ask.

    SQLAlchemy gives a returned one to the next that asks, so under load some wait until its end.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._turns = anyio.Semaphore(self.size() + self._max_overflow, fast_acquire=True)

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            if self._turns.value:
                self._turns.acquire_nowait()  # without leaving the greenlet, unlike asyncio's
            else:
                await_only(asyncio.wait_for(self._turns.acquire(), self.timeout()))
        except TimeoutError as error:
            raise PoolTimeout(ERROR_NO_TURN) from error
        try:
            return super()._do_get()
        except BaseException:
            self._turns.release()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()
        try:
            super()._do_return_conn(record)
        finally:
            self._turns.release()


class DatabaseSettings(BaseSettings):
    """The URL of the database, the size of the pool and timeouts."""

    database_url: str = Field(repr=False)  # contains the password
    database_direct_url: str | None = Field(default=None, repr=False)
    database_password: SecretStr | None = None
    database_pooler: bool | None = None
    database_pool_size: int = Field(default=5, ge=1)
    database_pool_max_size: int = Field(default=20, ge=1)
    database_pool_timeout_seconds: float = Field(default=30, gt=0)
    database_pool_recycle_seconds: int = Field(default=1800, ge=1)
    database_wake_seconds: float = Field(default=0, ge=0)
    database_statement_timeout_ms: int = Field(default=30_000, ge=0)
    database_migration_lock_timeout_ms: int = Field(default=1_000, ge=1)
    database_migration_attempts: int = Field(default=60, ge=1)

    @model_validator(mode="after")
    def validate_pool_size(self) -> Self:
        """Report invalid settings at startup instead of at the first query."""
        for direct, name in ((False, "DATABASE_URL"), (True, "DATABASE_DIRECT_URL")):
            try:
                target(self, direct=direct)
            except ValueError as error:
                raise ValueError(f"{name} {error}") from None
        if self.database_pool_max_size < self.database_pool_size:
            raise ValueError(ERROR_POOL)
        return self


def target(settings: DatabaseSettings, *, direct: bool = False) -> Target:
    """Return where the service connects to, or directly where migrations do, without a pooler."""
    url, pooled = settings.database_url, settings.database_pooler
    if direct and settings.database_direct_url:
        url, pooled = settings.database_direct_url, None
    password = settings.database_password
    server = read_url(url, password.get_secret_value() if password else None, pooled)
    server.connect_args["async_creator_fn"] = partial(_connect, settings.database_wake_seconds)
    return server


async def _connect(wake_seconds: float, *address: Any, **options: Any) -> Any:
    """Connect; again for some seconds to a server that starts when a client asks for it."""
    end = time.monotonic() + wake_seconds
    while True:
        try:
            return await asyncpg.connect(*address, **options)
        except STARTING as error:
            if time.monotonic() >= end:
                # SQLAlchemy translates errors of the driver, but none of the network.
                raise asyncpg.PostgresConnectionError(repr(error)) from error
            await asyncio.sleep(WAKE_PAUSE_SECONDS)


def create_engine(settings: DatabaseSettings, **options: Any) -> AsyncEngine:
    """Return an engine whose connections are replaced when they are closed or old.

    The statement timeout is the server's: it stops a runaway query even if the client no longer
    waits for it.
    """
    server = target(settings)
    timeout = settings.database_statement_timeout_ms
    engine = create_async_engine(
        server.url,
        poolclass=FairPool,
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_max_size - settings.database_pool_size,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_recycle=settings.database_pool_recycle_seconds,
        hide_parameters=True,  # an unexpected error is logged, and values may be secrets
        connect_args=_connect_args(server, timeout),
        **options,
    )
    # SQLAlchemy logs messages of the pool under the name of its class, at each stop.
    logging.getLogger(f"{__name__}.FairPool").setLevel("WARNING")
    _replace_closed(engine)
    if server.pooled and timeout:
        _limit(engine, "statement_timeout", timeout)
    return engine


def create_migration_engine(settings: DatabaseSettings) -> AsyncEngine:
    """Return an engine without a pool and without a limit on statements, but on waits for locks.

    Requests that need the same table queue behind a statement that waits for its lock.
    """
    server = target(settings, direct=True)
    arguments = _connect_args(server, None)
    engine = create_async_engine(server.url, poolclass=sa.NullPool, connect_args=arguments)
    _limit(engine, "lock_timeout", settings.database_migration_lock_timeout_ms)
    _limit(engine, "statement_timeout", 0, "LOCAL" if server.pooled else "SESSION")
    return engine


def _connect_args(server: Target, timeout_ms: int | None) -> dict[str, Any]:
    """Return the arguments of the driver.

    A pooler gives each transaction another connection of the server, and rejects most parameters of
    the start. Statements have no name then, and are parsed again when they are executed.
    """
    if server.pooled:
        return server.connect_args | {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
            "command_timeout": timeout_ms / 1000 + DRIVER_SECONDS if timeout_ms else None,
        }
    if timeout_ms is None:
        return server.connect_args
    merged = server.connect_args.get("server_settings", {}) | {"statement_timeout": str(timeout_ms)}
    return server.connect_args | {"server_settings": merged}


def _replace_closed(engine: AsyncEngine) -> None:
    """Replace connections that are closed, before they are used, and those to a standby.

    The driver notices at once that a server closes a connection. A proxy can drop an idle one
    silently, so it is tested. SQLAlchemy's pings would be a round trip for every request.
    """

    def check(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        try:
            if connection.driver_connection.is_closed():
                raise InvalidatePoolError
            if time.monotonic() - record.info.get("used", math.inf) > TRIED_AFTER_SECONDS:
                connection.run_async(lambda raw: raw.execute("SELECT 1", timeout=PING_SECONDS))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise InvalidatePoolError from error

    def translate(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True  # of all connections of the pool
        if isinstance(context.original_exception, TimeoutError):  # of `command_timeout`
            raise PoolTimeout(ERROR_TOO_SLOW) from context.original_exception

    sa.event.listen(engine.sync_engine, "handle_error", translate)
    sa.event.listen(engine.sync_engine, "checkout", check)


def _limit(engine: AsyncEngine, setting: str, timeout_ms: int, scope: str = "LOCAL") -> None:
    """Set a timeout in each transaction, since a pooler forgets that of a connection."""

    def limit(connection: sa.Connection) -> None:
        level = connection.get_execution_options().get("isolation_level")
        if scope == "SESSION" or level != "AUTOCOMMIT":
            connection.exec_driver_sql(f"SET {scope} {setting} = {timeout_ms}")

    sa.event.listen(engine.sync_engine, "begin", limit)
