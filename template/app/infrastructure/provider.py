"""The provider of OpenID Connect: the code flow with PKCE, a state and a nonce, by Authlib."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import httpx2
import jwt
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from joserfc.errors import JoseError

from app.common.errors import problem
from app.infrastructure.auth import unauthorized
from app.infrastructure.settings import get_settings
from app.infrastructure.tokens import ALGORITHM, derive_keys

STATE_COOKIE = "provider_state"
STATE_PATH = "/api/v1/auth/provider"
STATE_SECONDS = 600
METADATA = "/.well-known/openid-configuration"
ERROR_NO_PROVIDER = "No provider is set up: OIDC_ISSUER is empty"
ERROR_UNREACHABLE = "The provider does not answer as it should"
ERROR_REFUSED = "The provider did not prove who you are: start again"
# What comes of an answer that is missing, is no JSON, is nested too deep or has something else in it.
BROKEN_ANSWER = (httpx2.HTTPError, ValueError, TypeError, RuntimeError)


@lru_cache
def get_client() -> Any:
    """Return Authlib's client, which keeps what it has learned about the provider."""
    settings = get_settings()
    if not settings.oidc_issuer:
        raise problem(503, "no_provider", ERROR_NO_PROVIDER)
    return OAuth().register(
        "provider",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        server_metadata_url=settings.oidc_issuer.rstrip("/") + METADATA,
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )


async def start_login(request: Request, callback: str) -> RedirectResponse:
    """Send the browser to the provider, with a cookie that only this login can be finished with."""
    request.scope["session"] = {}
    try:
        answer: RedirectResponse = await get_client().authorize_redirect(request, callback)
    except BROKEN_ANSWER as error:
        raise problem(502, "provider_unreachable", ERROR_UNREACHABLE) from error
    claims = {"session": request.session, "exp": int(time.time()) + STATE_SECONDS}
    answer.set_cookie(
        STATE_COOKIE,
        jwt.encode(claims, derive_keys("provider state")[0], ALGORITHM),
        max_age=STATE_SECONDS,
        path=STATE_PATH,
        secure=True,
        httponly=True,
        samesite="lax",  # the provider sends the browser back from its own site
    )
    return answer


async def finish_login(request: Request, response: Response) -> dict[str, Any]:
    """Trade the code that the browser brings for the provider's claims about who it is."""
    request.scope["session"] = _read_state(request)
    response.delete_cookie(STATE_COOKIE, path=STATE_PATH, secure=True)
    settings = get_settings()
    expected = {
        "iss": {"essential": True, "values": [settings.oidc_issuer]},
        "aud": {"essential": True, "value": settings.oidc_client_id},
    }
    try:
        token = await get_client().authorize_access_token(request, claims_options=expected)
    except (AuthlibBaseError, JoseError, KeyError) as error:
        raise unauthorized(ERROR_REFUSED) from error
    except BROKEN_ANSWER as error:
        raise problem(502, "provider_unreachable", ERROR_UNREACHABLE) from error
    # Authlib puts the claims that it has checked here. Without an ID token it checks nothing, and
    # what is here came with the answer, signed by nobody.
    if "id_token" not in token:
        raise unauthorized(ERROR_REFUSED)
    return dict(token["userinfo"])


def _read_state(request: Request) -> dict[str, Any]:
    """Return what the login began with; nothing when the browser did not begin one."""
    for key in derive_keys("provider state"):
        try:
            claims = jwt.decode(request.cookies.get(STATE_COOKIE, ""), key, [ALGORITHM])
        except jwt.InvalidTokenError:
            continue
        session: dict[str, Any] = claims["session"]
        return session
    return {}
