"""Sign-in and sign-out routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Request, Response, status
from pydantic import SecretStr

from app.common.errors import responses
from app.common.routing import Router
from app.db.session import DbSession
from app.infrastructure.auth import UnauthorizedError
from app.infrastructure.cookies import (
    REFRESH_COOKIE,
    clear_cookies,
    read_cookie,
    require_csrf,
    require_same_site,
    set_cookies,
)
from app.infrastructure.rate_limits import limited
from app.infrastructure.settings import get_settings
from app.modules.auth.schemas import LoginForm, RefreshRequest, TokenRead
from app.modules.auth.service import AuthService, Tokens

router = Router(prefix="/auth", tags=["auth"])


@router.post(
    "/token",
    response_model=TokenRead,
    status_code=status.HTTP_200_OK,
    summary="Sign in",
    responses=responses(401, 403, 422, 429),
    dependencies=[Depends(require_same_site), Depends(limited("login"))],
)
async def sign_in(
    form: Annotated[LoginForm, Form()],
    response: Response,
    session: DbSession,
) -> TokenRead:
    service = AuthService(session)
    return answer(response, await service.sign_in(form))


@router.post(
    "/refresh",
    response_model=TokenRead,
    status_code=status.HTTP_200_OK,
    summary="Exchange a refresh token for new tokens",
    responses=responses(401, 403, 422, 429),
    dependencies=[Depends(require_same_site), Depends(limited("refresh"))],
)
async def refresh(
    request: Request,
    response: Response,
    session: DbSession,
    data: RefreshRequest | None = None,
) -> TokenRead:
    service = AuthService(session)
    tokens = await service.refresh(refresh_token(request, data))
    if data is None:
        require_csrf(request, tokens.session_id)
    return answer(response, tokens)


@router.post(
    "/logout",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Sign out",
    responses=responses(401, 403, 422, 429),
    dependencies=[Depends(limited("refresh"))],
)
async def sign_out(
    request: Request,
    response: Response,
    session: DbSession,
    data: RefreshRequest | None = None,
) -> None:
    service = AuthService(session)
    session_id = await service.sign_out(refresh_token(request, data))
    if data is None and session_id is not None:
        require_csrf(request, session_id)
    if data is None:
        clear_cookies(response)


def refresh_token(request: Request, data: RefreshRequest | None) -> SecretStr:
    """Return the refresh token from the body, or from the cookie."""
    if data is not None:
        return data.refresh_token
    token = read_cookie(request, REFRESH_COOKIE)
    if token is None:
        raise UnauthorizedError()
    return SecretStr(token)


def answer(response: Response, tokens: Tokens) -> TokenRead:
    """Return the tokens, or set them as cookies if the service uses cookies."""
    settings = get_settings()
    response.headers["Cache-Control"] = "no-store"
    lifetime = settings.access_token_seconds
    if not settings.auth_cookies:
        return TokenRead(
            access_token=tokens.access, refresh_token=tokens.refresh, expires_in=lifetime
        )
    set_cookies(response, tokens.access, tokens.refresh, tokens.session_id)
    return TokenRead(access_token=None, refresh_token=None, expires_in=lifetime)
