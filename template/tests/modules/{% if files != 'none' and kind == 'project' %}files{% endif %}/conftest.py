"""Every request is from the owner of the files."""

from __future__ import annotations

import httpx2
import pytest_asyncio

from tests.owner import sign_in


@pytest_asyncio.fixture(autouse=True)
async def as_owner(client: httpx2.AsyncClient) -> None:
    """Send every request of the client as a user, if the service has users."""
    await sign_in(client)
