"""The provider of OpenID Connect that people may sign in with."""

from __future__ import annotations

from pydantic import SecretStr

from app.infrastructure.auth_settings import AuthSettings


class ProviderSettings(AuthSettings):
    """Who the provider is, and what this service is called there."""

    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    # Where a browser that keeps its tokens in cookies goes when it is signed in.
    oidc_return_url: str = ""
