"""Attempts are counted in the storage of the settings."""

from __future__ import annotations

import httpx2
import pytest
from limits.aio.storage import MemoryStorage, RedisStorage

from app.infrastructure.rate_limits import get_limiter
from app.infrastructure.settings import get_settings
from tests.api import assert_problem


@pytest.mark.parametrize(
    ("url", "storage"),
    [("memory://", MemoryStorage), ("redis://localhost:6379/0", RedisStorage)],
)
def test_url_selects_the_storage(
    monkeypatch: pytest.MonkeyPatch, url: str, storage: type[object]
) -> None:
    monkeypatch.setattr(get_settings(), "rate_limit_url", url)
    get_limiter.cache_clear()

    assert isinstance(get_limiter().storage, storage)

    get_limiter.cache_clear()


async def test_request_is_rejected_without_the_storage(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "rate_limit_url", "redis://127.0.0.1:1/0")
    get_limiter.cache_clear()

    assert_problem(await client.post("/api/v1/auth/token"), 503)

    get_limiter.cache_clear()
