"""Settings of webhooks that are sent and received."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class WebhooksSettings(BaseSettings):
    """Limits of webhooks, and secrets as in Standard Webhooks: `whsec_…`."""

    webhook_max_endpoints: int = Field(default=20, ge=1)  # of one owner
    webhook_max_failures: int = Field(default=100, ge=1)  # in a row, before an endpoint is disabled
    webhook_timeout_seconds: float = Field(default=10, gt=0, le=20)
    webhook_allow_private: bool = False  # http and private addresses, for development
    incoming_webhook_secrets: dict[str, SecretStr] = {}  # by the name of the sender
