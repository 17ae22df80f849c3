"""A service with invalid settings does not start, and its message contains no secret."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.infrastructure.settings import PLACEHOLDER, Settings

LONG_SECRET = "s" * 48


@pytest.mark.parametrize("environment", ["production", "test"])
@pytest.mark.parametrize("secret", [PLACEHOLDER, "too short", None])
def test_weak_secret_is_rejected_outside_development(
    monkeypatch: pytest.MonkeyPatch, environment: str, secret: str | None
) -> None:
    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.delenv("SECRET_KEY")
    if secret is not None:
        monkeypatch.setenv("SECRET_KEY", secret)

    with pytest.raises(ValidationError, match="SECRET_KEY must be a random text"):
        Settings()


def test_development_starts_with_the_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("SECRET_KEY", PLACEHOLDER)

    assert Settings().environment == "development"


def test_default_environment_is_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVIRONMENT")
    monkeypatch.setenv("SECRET_KEY", LONG_SECRET)

    assert Settings().environment == "production"


def test_no_message_and_no_repr_contains_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", LONG_SECRET)
    assert LONG_SECRET not in repr(Settings())
    monkeypatch.setenv("DATABASE_URL", "mysql://user:hunter2@localhost/service")

    with pytest.raises(ValidationError) as refused:
        Settings()

    assert "hunter2" not in str(refused.value)


def test_lists_are_parsed_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", '["https://shop.example.com"]')

    assert Settings().cors_origins == ("https://shop.example.com",)
