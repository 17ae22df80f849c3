"""Routes to sign in through a provider."""

from __future__ import annotations

from fastapi import Depends, Request, Response, status
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.common.errors import responses
from app.common.routing import Router
from app.db.session import TransactionSession
from app.infrastructure.auth import UnauthorizedError
from app.infrastructure.provider import ERROR_REFUSED, STATE_PATH, finish_login, start_login
from app.infrastructure.rate_limits import limited
from app.infrastructure.settings import get_settings
from app.modules.auth.router import answer
from app.modules.auth.schemas import TokenRead
from app.modules.identities.schemas import ProviderClaims
from app.modules.identities.service import IdentityService

router = Router(prefix=STATE_PATH.removeprefix("/api/v1"), tags=["auth"])


@router.get(
    "",
    response_model=None,
    response_class=RedirectResponse,
    status_code=status.HTTP_302_FOUND,
    summary="Sign in through the provider",
    responses=responses(429, 502, 503),
    dependencies=[Depends(limited("login"))],
)
async def start(request: Request) -> RedirectResponse:
    return await start_login(request, str(request.url_for("finish")))


@router.get(
    "/callback",
    response_model=TokenRead,
    status_code=status.HTTP_200_OK,
    summary="Finish signing in through the provider",
    responses=responses(401, 403, 429, 502, 503),
    dependencies=[Depends(limited("login"))],
)
async def finish(request: Request, response: Response, session: TransactionSession) -> TokenRead:
    service = IdentityService(session)
    claims = read_claims(await finish_login(request, response))
    tokens = await service.sign_in(claims)
    settings = get_settings()
    if settings.auth_cookies and settings.oidc_return_url:
        response.status_code = status.HTTP_303_SEE_OTHER
        response.headers["Location"] = settings.oidc_return_url
    return answer(response, tokens)


def read_claims(claims: dict[str, object]) -> ProviderClaims:
    """Validate the claims of the provider."""
    try:
        return ProviderClaims.model_validate(claims)
    except ValidationError as error:
        raise UnauthorizedError(ERROR_REFUSED) from error
