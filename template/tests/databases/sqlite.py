"""The engine of the tests, which is that of the service."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.session import serialize_json
from app.db.sqlite import DatabaseSettings, create_engine


def create_test_engine(url: str) -> AsyncEngine:
    """Return an engine for this database."""
    return create_engine(DatabaseSettings(database_url=url), json_serializer=serialize_json)
