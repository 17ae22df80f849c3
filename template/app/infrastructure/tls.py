"""The certificates that are trusted for calls of other servers."""

from __future__ import annotations

import ssl
from functools import lru_cache

import httpx2


@lru_cache
def get_tls() -> ssl.SSLContext:
    """Return the trusted certificates. To load them takes longer than a call."""
    return httpx2.create_ssl_context()
