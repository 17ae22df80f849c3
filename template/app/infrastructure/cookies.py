"""Tokens in cookies for browsers, protected from scripts and from other sites."""

from __future__ import annotations

import hmac
import uuid

from fastapi import Request, Response
from starlette.requests import HTTPConnection

from app.common.errors import ForbiddenError
from app.infrastructure.pages import is_listed_page, require_known_page
from app.infrastructure.settings import get_settings
from app.infrastructure.tokens import derive_keys

ACCESS_COOKIE = "access_token"
REFRESH_COOKIE = "refresh_token"
CSRF_COOKIE = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
REFRESH_PATH = "/api/v1/auth"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
ERROR_CSRF = f"The header {CSRF_HEADER} must repeat the cookie {CSRF_COOKIE}"


def read_cookie(connection: HTTPConnection, name: str) -> str | None:
    """Return a cookie if the service uses cookies for tokens."""
    return connection.cookies.get(name) if get_settings().auth_cookies else None


def set_cookies(response: Response, access: str, refresh: str, session_id: uuid.UUID) -> None:
    """Set the cookies of the tokens and of the CSRF token."""
    settings = get_settings()
    response.set_cookie(
        ACCESS_COOKIE,
        access,
        max_age=settings.access_token_seconds,
        secure=True,
        httponly=True,
        samesite="lax",
    )
    response.set_cookie(
        REFRESH_COOKIE,
        refresh,
        max_age=settings.refresh_token_seconds,
        path=REFRESH_PATH,
        secure=True,
        httponly=True,
        samesite="strict",
    )
    response.set_cookie(
        CSRF_COOKIE,
        csrf_tokens(session_id)[0],
        max_age=settings.refresh_token_seconds,
        secure=True,
        samesite="strict",
    )


async def require_same_site(request: Request) -> None:
    """Reject sign-in from a page of another site, which could sign a visitor in as another user."""
    if get_settings().auth_cookies:
        await require_known_page(request)


def clear_cookies(response: Response) -> None:
    """Delete the cookies."""
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/")):
        response.delete_cookie(name, path=path, secure=True)


def require_csrf(request: Request, session_id: uuid.UUID) -> None:
    """Reject a change from another site, which can neither read cookies nor set headers.

    The pages that `CORS_ORIGINS` lists cannot read the cookie either. Browsers name them.
    """
    if request.method in SAFE_METHODS or is_listed_page(request):
        return
    given = request.headers.get(CSRF_HEADER, "").encode()
    expected = [token.encode() for token in csrf_tokens(session_id)]
    if not any(hmac.compare_digest(given, token) for token in expected):
        raise ForbiddenError(ERROR_CSRF, code="csrf")


def csrf_tokens(session_id: uuid.UUID) -> list[str]:
    """Return the CSRF tokens of a login, one for each key."""
    keys = derive_keys("csrf token")
    return [hmac.digest(key, session_id.bytes, "sha256").hex() for key in keys]
