"""A service with weak settings for users does not start."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.infrastructure.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BCRYPT_ROUNDS", "11"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("SECRET_KEY_FALLBACKS", '["too short"]'),
        ("LOGIN_RATE_LIMIT", "often"),
        ("RATE_LIMIT_URL", "mysql://localhost"),
    ],
)
def test_weak_setting_is_rejected(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name.lower()) as refused:
        Settings()

    assert "too short" not in str(refused.value)
