"""Rate limits, counted in this process or in Redis."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Literal

from fastapi import HTTPException, Request
from limits import parse
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from app.common.errors import UnavailableError
from app.infrastructure.settings import get_settings

ERROR_TOO_MANY = "Too many attempts; `Retry-After` says when to try again"
ERROR_UNCOUNTED = "Attempts cannot be counted at the moment, so all are rejected"

Action = Literal["login", "register", "refresh"]

logger = logging.getLogger(__name__)


@lru_cache
def get_limiter() -> FixedWindowRateLimiter:
    """Return the limiter of this process."""
    url = get_settings().rate_limit_url
    options = {} if url.startswith("memory") else {"implementation": "redispy"}
    storage = storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
    return FixedWindowRateLimiter(storage)


async def count(action: Action, who: str, times: int = 1) -> None:
    """Count one attempt. Raise 429 if there were more than `times` the limit."""
    limit = parse(getattr(get_settings(), f"{action}_rate_limit"))
    limit = type(limit)(limit.amount * times, limit.multiples)
    limiter = get_limiter()
    try:
        if await limiter.hit(limit, action, who):
            return
        stats = await limiter.get_window_stats(limit, action, who)
    except StorageError as error:
        logger.exception("attempts cannot be counted")
        raise UnavailableError(ERROR_UNCOUNTED, code="uncounted") from error
    seconds = max(1, math.ceil(stats.reset_time - time.time()))
    raise HTTPException(429, ERROR_TOO_MANY, headers={"Retry-After": str(seconds)})


def limited(action: Action) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that counts the attempts of an IP address.

    Behind a proxy, set uvicorn's `FORWARDED_ALLOW_IPS` to get the address of the client.
    """

    async def check(request: Request) -> None:
        await count_request(action, request)

    return check


async def count_request(action: Action, request: Request) -> None:
    """Count one attempt of the IP address of a request."""
    await count(action, request.client.host if request.client else "")
