"""Settings of all tests with users: cheap password hashes and no earlier attempts."""

from __future__ import annotations

import pytest

from app.infrastructure.rate_limits import get_limiter
from app.infrastructure.settings import get_settings

LEAST_ROUNDS = 4


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use cheaper hashes than the settings accept, and reset the rate limits."""
    monkeypatch.setattr(get_settings(), "bcrypt_rounds", LEAST_ROUNDS)
    get_limiter.cache_clear()
