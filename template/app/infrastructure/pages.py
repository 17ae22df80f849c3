"""Protection from the pages of other sites, which browsers let send requests."""

from __future__ import annotations

import re

from starlette.requests import HTTPConnection

from app.common.errors import ForbiddenError
from app.infrastructure.settings import get_settings

LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
OWN_SITES = {"same-origin", "none"}  # none: the user typed the address
ERROR_OTHER_SITE = "A page of another site cannot do this; CORS_ORIGINS lists those that can"


async def require_known_page(connection: HTTPConnection) -> None:
    """Raise 403 for a page of another site that `CORS_ORIGINS` does not list."""
    if not is_known_page(connection):
        raise ForbiddenError(ERROR_OTHER_SITE, code="other_site")


def is_known_page(connection: HTTPConnection) -> bool:
    """Return whether a request is from a page of this service, or from a client without pages.

    Only browsers send these headers, and pages cannot change them. Not all browsers send
    `Sec-Fetch-Site`, and none without TLS to another machine.
    """
    if is_listed_page(connection):
        return True
    if site := connection.headers.get("Sec-Fetch-Site"):
        return site in OWN_SITES
    origin = connection.headers.get("Origin", "")
    return not origin or is_own(origin, connection.headers.get("Host", ""))


def is_listed_page(connection: HTTPConnection) -> bool:
    """Return whether a request is from a page of another site that `CORS_ORIGINS` lists."""
    return connection.headers.get("Origin") in get_settings().cors_origins


def is_own(origin: str, host: str) -> bool:
    """Return whether an origin is that of the service.

    Without TLS, the name of another site can resolve to this machine, and is then the `Host`.
    """
    scheme, _, name = origin.partition("://")
    return name == host and (scheme == "https" or LOCAL_HOST.fullmatch(host) is not None)
