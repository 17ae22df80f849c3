"""Settings of the tools for language models."""

from __future__ import annotations

from pydantic_settings import BaseSettings


class McpSettings(BaseSettings):
    # Without it every caller needs a token. It has no effect while a tool needs a user.
    mcp_allow_anonymous: bool = False
