"""The service uses a real Redis, and reports that it is down."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from redis.asyncio import Redis

from app.infrastructure.redis import get_redis, running
from app.infrastructure.redis_settings import ERROR_SCHEME, RedisSettings
from app.infrastructure.settings import get_settings


async def test_client_reaches_the_server() -> None:
    async with running():
        await get_redis().set("name", "Ann", ex=1)

        assert await get_redis().get("name") == "Ann"


async def test_connections_are_closed_after_an_error() -> None:
    with contextlib.suppress(KeyError):
        async with running():
            failed = get_redis()
            raise KeyError

    assert get_redis() is not failed


async def test_connection_that_the_server_has_closed_is_replaced() -> None:
    """A command on that connection would be lost."""
    async with running(), Redis.from_url(get_settings().redis_url) as other:
        await other.client_kill_filter(_id=str(await get_redis().client_id()))
        await asyncio.sleep(0.1)

        pipeline = get_redis().pipeline(transaction=False)
        pipeline.ping()
        assert await pipeline.execute() == [True]


def test_other_url_is_refused() -> None:
    with pytest.raises(ValueError, match=ERROR_SCHEME):
        RedisSettings(redis_url="http://localhost:6379")
