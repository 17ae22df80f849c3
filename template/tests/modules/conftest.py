"""What every test needs where there are users: passwords that cost little, and no attempts yet."""

from __future__ import annotations

import pytest

from app.infrastructure.rate_limits import get_limiter
from app.infrastructure.settings import get_settings

LEAST_ROUNDS = 4


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash in a millisecond, which the settings would refuse, and forget who tried what."""
    monkeypatch.setattr(get_settings(), "bcrypt_rounds", LEAST_ROUNDS)
    get_limiter.cache_clear()
