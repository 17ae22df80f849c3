"""Settings of the OpenID Connect provider."""

from __future__ import annotations

from pydantic import SecretStr

from app.infrastructure.auth_settings import AuthSettings


class ProviderSettings(AuthSettings):
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    # Where browsers with token cookies are redirected after they have signed in.
    oidc_return_url: str = ""
