"""PostgreSQL: its settings, and the engine that they ask for."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

DRIVER = "postgresql+asyncpg://"
ERROR_DRIVER = f"DATABASE_URL must start with {DRIVER}"
ERROR_POOL = "DATABASE_POOL_MAX_SIZE must not be smaller than DATABASE_POOL_SIZE"


class DatabaseSettings(BaseSettings):
    """Where the database is and how many connections it may get."""

    database_url: str = Field(repr=False)  # it holds the password
    database_pool_size: int = Field(default=5, ge=1)
    database_pool_max_size: int = Field(default=20, ge=1)
    database_pool_recycle_seconds: int = Field(default=1800, ge=1)
    database_statement_timeout_ms: int = Field(default=30_000, ge=0)

    @model_validator(mode="after")
    def validate_pool_size(self) -> Self:
        """Say at the start what would otherwise be an error at the first query."""
        if not self.database_url.startswith(DRIVER):
            raise ValueError(ERROR_DRIVER)
        if self.database_pool_max_size < self.database_pool_size:
            raise ValueError(ERROR_POOL)
        return self


def create_engine(settings: DatabaseSettings, **options: Any) -> AsyncEngine:
    """Return an engine whose connections are tried before use and replaced when they are old.

    Proxies and restarts close idle connections silently. The statement timeout is the server's: it
    stops a runaway query even if the client no longer waits for it.
    """
    timeout = str(settings.database_statement_timeout_ms)
    return create_async_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_max_size - settings.database_pool_size,
        pool_pre_ping=True,
        pool_recycle=settings.database_pool_recycle_seconds,
        hide_parameters=True,  # an unexpected error is logged, and values may be secrets
        connect_args={"server_settings": {"statement_timeout": timeout}},
        **options,
    )
