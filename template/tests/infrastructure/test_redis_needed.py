"""A service that cannot work without Redis says so."""

from __future__ import annotations

import httpx2
import pytest

from app.infrastructure.redis import get_redis, running
from app.infrastructure.settings import get_settings


async def test_service_without_redis_is_alive_but_not_ready(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "redis_url", "redis://127.0.0.1:1/0")
    async with running():
        get_redis.cache_clear()

        assert (await client.get("/health/live")).status_code == 200
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["code"]) == (503, "redis_down")
