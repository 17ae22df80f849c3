"""The engine of the tests: PostgreSQL as in production, or SQLite by TEST_DATABASE_URL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.db.postgresql import DatabaseSettings, create_engine
from app.db.session import serialize_json

CACHE_SIZE = "5000"  # statements; smaller caches would evict them in turn


def create_test_engine(url: str) -> AsyncEngine:
    """Return the engine of the service with larger caches, or SQLite that behaves alike."""
    if not url.startswith("sqlite"):
        cached = sa.make_url(url).update_query_dict({"prepared_statement_cache_size": CACHE_SIZE})
        settings = DatabaseSettings(database_url=cached.render_as_string(hide_password=False))
        size = int(CACHE_SIZE)
        return create_engine(settings, json_serializer=serialize_json, query_cache_size=size)
    engine = create_async_engine(url, json_serializer=serialize_json)
    sa.event.listen(engine.sync_engine, "connect", prepare_connection)
    sa.event.listen(engine.sync_engine, "begin", begin_transaction)
    return engine


def prepare_connection(connection: Any, _: object) -> None:
    """Enforce foreign keys and disable the BEGIN of the driver, which breaks savepoints."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def begin_transaction(connection: sa.Connection) -> None:
    """Begin a transaction when SQLAlchemy does."""
    connection.exec_driver_sql("BEGIN")
