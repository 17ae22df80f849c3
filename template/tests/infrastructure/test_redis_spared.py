"""A service that only caches works without Redis."""

from __future__ import annotations

import httpx2
import pytest

from app.infrastructure.redis import get_redis, running
from app.infrastructure.settings import get_settings


async def test_service_without_its_cache_is_ready_and_says_so_once(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(get_settings(), "redis_url", "redis://127.0.0.1:1/0")
    async with running():
        get_redis.cache_clear()

        for _ in range(2):
            ready = await client.get("/health/ready")
            assert (ready.status_code, ready.json()) == (200, {"status": "degraded"})
    assert [record.name for record in caplog.records].count("app.infrastructure.cache") == 1
