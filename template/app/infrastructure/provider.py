"""OpenID Connect by Authlib: the code flow with PKCE, a state and a nonce."""

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

from app.common.errors import ApiError, UnavailableError
from app.infrastructure.auth import UnauthorizedError
from app.infrastructure.settings import get_settings
from app.infrastructure.tls import get_tls
from app.infrastructure.tokens import ALGORITHM, derive_keys

STATE_COOKIE = "provider_state"
STATE_PATH = "/api/v1/auth/provider"
STATE_SECONDS = 600
METADATA = "/.well-known/openid-configuration"
ERROR_NO_PROVIDER = "No provider is set up: OIDC_ISSUER is empty"
ERROR_UNREACHABLE = "The provider did not respond as expected"
ERROR_REFUSED = "The provider did not confirm your identity: start again"
# Raised for a response that is missing, is not JSON, is nested too deeply or has other content.
BROKEN_ANSWER = (httpx2.HTTPError, ValueError, TypeError, RuntimeError)


class ProviderError(ApiError):
    status = 502
    code = "provider_unreachable"


@lru_cache
def get_client() -> Any:
    """Return Authlib's client, which caches the metadata of the provider."""
    settings = get_settings()
    if not settings.oidc_issuer:
        raise UnavailableError(ERROR_NO_PROVIDER, code="no_provider")
    return OAuth().register(
        "provider",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        server_metadata_url=settings.oidc_issuer.rstrip("/") + METADATA,
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "verify": get_tls(),
        },
    )


async def start_login(request: Request, callback: str) -> RedirectResponse:
    """Redirect the browser to the provider, with a cookie that identifies this login."""
    request.scope["session"] = {}
    try:
        answer: RedirectResponse = await get_client().authorize_redirect(request, callback)
    except BROKEN_ANSWER as error:
        raise ProviderError(ERROR_UNREACHABLE) from error
    claims = {"session": request.session, "exp": int(time.time()) + STATE_SECONDS}
    answer.set_cookie(
        STATE_COOKIE,
        jwt.encode(claims, derive_keys("provider state")[0], ALGORITHM),
        max_age=STATE_SECONDS,
        path=STATE_PATH,
        secure=True,
        httponly=True,
        samesite="lax",  # sent when the provider redirects the browser back
    )
    return answer


async def finish_login(request: Request, response: Response) -> dict[str, Any]:
    """Exchange the code for the claims of the provider."""
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
        raise UnauthorizedError(ERROR_REFUSED) from error
    except BROKEN_ANSWER as error:
        raise ProviderError(ERROR_UNREACHABLE) from error
    # Authlib stores verified claims here. Without an ID token it verifies nothing, and these claims
    # are unsigned.
    if "id_token" not in token:
        raise UnauthorizedError(ERROR_REFUSED)
    return dict(token["userinfo"])


def _read_state(request: Request) -> dict[str, Any]:
    """Return the state of the login, or an empty one if the browser did not start it."""
    for key in derive_keys("provider state"):
        try:
            claims = jwt.decode(request.cookies.get(STATE_COOKIE, ""), key, [ALGORITHM])
        except jwt.InvalidTokenError:
            continue
        session: dict[str, Any] = claims["session"]
        return session
    return {}
