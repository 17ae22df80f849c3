"""Fixtures of all tests with users: cheap password hashes, no earlier attempts, and a client."""

from __future__ import annotations

import httpx2
import pytest
import pytest_asyncio

from app.infrastructure.rate_limits import get_limiter
from app.infrastructure.settings import get_settings
from tests.modules.users.factory import administrator

LEAST_ROUNDS = 4


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use cheaper hashes than the settings accept, and reset the rate limits."""
    monkeypatch.setattr(get_settings(), "bcrypt_rounds", LEAST_ROUNDS)
    get_limiter.cache_clear()


@pytest_asyncio.fixture
async def as_administrator(client: httpx2.AsyncClient) -> None:
    """Send every request of the client as an administrator."""
    client.headers.update(await administrator(client))
