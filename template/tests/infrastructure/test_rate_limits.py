"""Attempts are counted where the settings say."""

from __future__ import annotations

import pytest
from limits.aio.storage import MemoryStorage, RedisStorage

from app.infrastructure.rate_limits import get_limiter
from app.infrastructure.settings import get_settings


@pytest.mark.parametrize(
    ("url", "storage"),
    [("memory://", MemoryStorage), ("redis://localhost:6379/0", RedisStorage)],
)
def test_the_url_says_where(
    monkeypatch: pytest.MonkeyPatch, url: str, storage: type[object]
) -> None:
    monkeypatch.setattr(get_settings(), "rate_limit_url", url)
    get_limiter.cache_clear()

    assert isinstance(get_limiter().storage, storage)

    get_limiter.cache_clear()
