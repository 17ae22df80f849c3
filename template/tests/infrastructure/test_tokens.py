"""An access token is valid if its signature, audience, claims and age are."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from app.infrastructure import tokens
from app.infrastructure.settings import get_settings
from app.infrastructure.tokens import ALGORITHM, REQUIRED, Claims

CLAIMS = Claims(uuid.uuid4(), uuid.uuid4(), 3)
WEEK = 7 * 24 * 3600
NEW_KEY = SecretStr("n" * 48)


def payload() -> dict[str, Any]:
    """Return the claims of a valid token."""
    return jwt.decode(tokens.issue(CLAIMS), options={"verify_signature": False})


def sign(changes: dict[str, Any]) -> str:
    """Return a signed token with other claims; None omits one."""
    claims = {name: value for name, value in (payload() | changes).items() if value is not None}
    return jwt.encode(claims, tokens.derive_keys("access token")[0], ALGORITHM)


def test_issued_token_is_valid() -> None:
    claims = payload()
    found = tokens.read(sign(claims))
    assert found == CLAIMS
    assert (found and found.expires_at) == claims["exp"]
    assert set(claims) == set(REQUIRED)
    assert claims["exp"] - claims["iat"] == get_settings().access_token_seconds


@pytest.mark.parametrize(("age", "is_valid"), [(-5, True), (WEEK - 60, True), (WEEK + 60, False)])
def test_token_lives_as_long_as_the_setting_says(
    age: int, is_valid: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of a host whose clock is ahead."""
    monkeypatch.setattr(get_settings(), "access_token_seconds", WEEK)
    issued_at = time.time() - age
    monkeypatch.setattr(time, "time", lambda: issued_at)

    assert (tokens.read(tokens.issue(CLAIMS)) is not None) is is_valid


@pytest.mark.parametrize(
    "changes",
    [{name: None} for name in REQUIRED] + [{"iss": "other"}, {"aud": "other"}, {"exp": 1}],
    ids=str,
)
def test_token_with_a_wrong_claim_is_invalid(changes: dict[str, Any]) -> None:
    assert tokens.read(sign({})) == CLAIMS
    assert tokens.read(sign(changes)) is None


def test_token_with_a_wrong_signature_is_invalid() -> None:
    header, body, signature = tokens.issue(CLAIMS).split(".")
    unsigned = jwt.encode(payload(), "", "none")
    foreign = jwt.encode(payload(), b"k" * 32, ALGORITHM)
    other_purpose = jwt.encode(payload(), tokens.derive_keys("csrf token")[0], ALGORITHM)

    for token in (unsigned, foreign, other_purpose, f"{header}.{body}.{signature[::-1]}"):
        assert tokens.read(token) is None


def test_replaced_key_is_valid_while_it_is_a_fallback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = get_settings()
    old = tokens.issue(CLAIMS)
    monkeypatch.setattr(settings, "secret_key_fallbacks", (settings.secret_key,))
    monkeypatch.setattr(settings, "secret_key", NEW_KEY)

    assert tokens.read(old) == CLAIMS
    new = tokens.issue(CLAIMS)

    monkeypatch.setattr(settings, "secret_key_fallbacks", ())
    assert tokens.read(old) is None
    assert tokens.read(new) == CLAIMS
