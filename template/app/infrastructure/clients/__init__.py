"""Clients of other services. Their connections are closed when the service stops."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from app.infrastructure.clients.base import close_all


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    try:
        yield
    finally:
        await close_all()
