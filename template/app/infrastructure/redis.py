"""The connections of this process to Redis, or to another server that speaks its protocol."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from app.common.errors import UnavailableError
from app.infrastructure.settings import get_settings

ERROR_REDIS_DOWN = "Redis does not respond"
# What the keys of an owner begin with, by the column of the owner.
OWNERS = {"user_id": "user", "project_id": "proj"}

logger = logging.getLogger(__name__)


@lru_cache
def get_redis() -> Redis:
    """Return the client of this process. It connects on first use."""
    settings = get_settings()
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=settings.redis_pool_max_size,
        timeout=settings.redis_timeout_seconds,  # to wait for a free connection
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
        health_check_interval=30,  # proxies and restarts close idle connections silently
        # With notifications, the pool hands out connections that the server has closed.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        decode_responses=True,
    )
    return Redis.from_pool(pool)


def owned_key(owner: str, owner_id: uuid.UUID | None, name: str) -> str:
    """Return the key with this name of an owner; without the column `owner`, that of all users."""
    return f"{OWNERS[owner]}:{owner_id}:{name}" if owner else f"all:{name}"


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Close the connections when the service stops."""
    try:
        yield
    finally:
        await get_redis().aclose()
        get_redis.cache_clear()


async def check() -> None:
    """Raise 503 if the server does not answer."""
    with reachable():
        await get_redis().ping()


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Raise 503 for an error of the server."""
    try:
        yield
    except (RedisError, OSError) as error:
        logger.warning("Redis does not answer: %s", error)
        raise UnavailableError(ERROR_REDIS_DOWN, code="redis_down") from error
