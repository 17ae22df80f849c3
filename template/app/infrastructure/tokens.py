"""Access tokens: short-lived signed claims."""

from __future__ import annotations

import hmac
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import jwt

from app.infrastructure.settings import get_settings

ALGORITHM = "HS256"
LEEWAY_SECONDS = 10  # by which the clocks of two hosts may differ
REQUIRED = ["iss", "aud", "sub", "sid", "ver", "iat", "exp", "jti"]


@dataclass(frozen=True)
class Claims:
    """The user, the login, and the user's `token_version` when the token was issued.

    Claims that were read also have the end of the token, in seconds since 1970.
    """

    user_id: uuid.UUID
    session_id: uuid.UUID
    version: int
    expires_at: int = field(default=0, compare=False)


def issue(claims: Claims) -> str:
    """Sign a token with the newest key."""
    settings = get_settings()
    now = int(time.time())
    payload = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "ver": claims.version,
        "iat": now,
        "exp": now + settings.access_token_seconds,
        "jti": uuid.uuid4().hex,
    }
    return jwt.encode(payload, derive_keys("access token")[0], ALGORITHM)


def read(token: str) -> Claims | None:
    """Return the claims of a token, or None if it is invalid or expired."""
    for key in derive_keys("access token"):
        try:
            payload = _decode(token, key)
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError:
            return None
        user_id, session_id = uuid.UUID(payload["sub"]), uuid.UUID(payload["sid"])
        return Claims(user_id, session_id, payload["ver"], payload["exp"])
    return None


def derive_keys(purpose: str) -> list[bytes]:
    """Return the keys for one purpose, newest first. Each purpose has its own keys."""
    settings = get_settings()
    secrets = (settings.secret_key, *settings.secret_key_fallbacks)
    return [
        hmac.digest(secret.get_secret_value().encode(), purpose.encode(), "sha256")
        for secret in secrets
    ]


def _decode(token: str, key: bytes) -> dict[str, Any]:
    settings = get_settings()
    return jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        leeway=LEEWAY_SECONDS,
        options={"require": REQUIRED},
    )
