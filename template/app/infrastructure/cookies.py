"""Tokens in cookies, for browsers: out of reach of scripts, and of other sites' forms."""

from __future__ import annotations

import hmac
import uuid

from fastapi import Request, Response

from app.common.errors import problem
from app.infrastructure.settings import get_settings
from app.infrastructure.tokens import derive_keys

ACCESS_COOKIE = "access_token"
REFRESH_COOKIE = "refresh_token"
CSRF_COOKIE = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
REFRESH_PATH = "/api/v1/auth"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OWN_SITES = {"same-origin", "none"}  # none: somebody typed the address
ERROR_CSRF = f"The header {CSRF_HEADER} must repeat the cookie {CSRF_COOKIE}"
ERROR_OTHER_SITE = "A page of another site cannot sign in here; CORS_ORIGINS lists those that can"


def read_cookie(request: Request, name: str) -> str | None:
    """Return a cookie, where cookies are how tokens travel."""
    return request.cookies.get(name) if get_settings().auth_cookies else None


def set_cookies(response: Response, access: str, refresh: str, session_id: uuid.UUID) -> None:
    """Give the browser its tokens, and what its scripts have to repeat."""
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


async def refuse_other_sites(request: Request) -> None:
    """Refuse cookies to another site's page: who visits it would go on as somebody else.

    A browser says where the page comes from, and a program need not.
    """
    settings = get_settings()
    origin = request.headers.get("Origin", "")
    if not settings.auth_cookies or origin in settings.cors_origins:
        return
    if site := request.headers.get("Sec-Fetch-Site"):
        is_own = site in OWN_SITES
    else:
        is_own = not origin or origin.partition("://")[2] == request.headers.get("Host")
    if not is_own:
        raise problem(403, "other_site", ERROR_OTHER_SITE)


def clear_cookies(response: Response) -> None:
    """Take the tokens away again."""
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/")):
        response.delete_cookie(name, path=path, secure=True)


def require_csrf(request: Request, session_id: uuid.UUID) -> None:
    """Refuse a change that another site may have sent: it can neither read cookies nor set headers."""
    given = request.headers.get(CSRF_HEADER, "").encode()
    expected = [token.encode() for token in csrf_tokens(session_id)]
    is_safe = request.method in SAFE_METHODS
    if not is_safe and not any(hmac.compare_digest(given, token) for token in expected):
        raise problem(403, "csrf", ERROR_CSRF)


def csrf_tokens(session_id: uuid.UUID) -> list[str]:
    """Return what proves that a page knows the login's cookie; an old key's stay valid."""
    keys = derive_keys("csrf token")
    return [hmac.digest(key, session_id.bytes, "sha256").hex() for key in keys]
