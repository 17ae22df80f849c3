"""How often one may try: counted in this process, or in Redis where several share the count."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Literal

from fastapi import Request
from limits import parse
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from app.common.errors import problem
from app.infrastructure.settings import get_settings

ERROR_TOO_MANY = "Too many attempts; `Retry-After` says when to try again"
ERROR_UNCOUNTED = "Attempts cannot be counted at the moment, so none is let through"

Action = Literal["login", "register", "refresh"]

logger = logging.getLogger(__name__)


@lru_cache
def get_limiter() -> FixedWindowRateLimiter:
    """Return the counters of this process, or those that it shares."""
    url = get_settings().rate_limit_url
    options = {} if url.startswith("memory") else {"implementation": "redispy"}
    storage = storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
    return FixedWindowRateLimiter(storage)


async def count(action: Action, who: str, times: int = 1) -> None:
    """Count one attempt, and refuse it when there were more than so many times the limit."""
    limit = parse(getattr(get_settings(), f"{action}_rate_limit"))
    limit = type(limit)(limit.amount * times, limit.multiples)
    limiter = get_limiter()
    try:
        if await limiter.hit(limit, action, who):
            return
        stats = await limiter.get_window_stats(limit, action, who)
    except StorageError as error:
        logger.exception("attempts cannot be counted")
        raise problem(503, "uncounted", ERROR_UNCOUNTED) from error
    refusal = problem(429, "too_many_requests", ERROR_TOO_MANY)
    refusal.headers = {"Retry-After": str(max(1, math.ceil(stats.reset_time - time.time())))}
    raise refusal


def limited(action: Action) -> Callable[[Request], Awaitable[None]]:
    """Return the dependency that counts the attempts of one address.

    Behind a proxy, uvicorn's `FORWARDED_ALLOW_IPS` makes it the client's address.
    """

    async def check(request: Request) -> None:
        await count(action, request.client.host if request.client else "")

    return check
