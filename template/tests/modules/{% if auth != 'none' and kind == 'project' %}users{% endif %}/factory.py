"""Users for tests: their email starts with their name, and all have the same password."""

from __future__ import annotations

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.users.models import User
from tests.api import JSON, create
from tests.fixtures import client_of

URL = "/api/v1/users"
PASSWORD = "correct horse battery"


def client_at(address: str) -> httpx2.AsyncClient:
    """Return a client of the service with this IP address."""
    from app.main import app  # reads the settings, which are set by now

    return client_of(app, address)


def person(name: str) -> JSON:
    """Return the body that registers a user."""
    return {"email": f"{name}@example.com", "name": name, "password": PASSWORD}


async def sign_in(client: httpx2.AsyncClient, name: str, password: str = PASSWORD) -> JSON:
    """Return the tokens of a registered user."""
    form = {"username": f"{name}@example.com", "password": password}
    response = await client.post("/api/v1/auth/token", data=form)
    assert response.status_code == 200, response.text
    tokens: JSON = response.json()
    return tokens


async def signed_in(client: httpx2.AsyncClient, name: str = "ann") -> dict[str, str]:
    """Register a user and return headers with their access token."""
    await create(client, URL, person(name))
    return bearer(await sign_in(client, name))


async def administrator(client: httpx2.AsyncClient, session: AsyncSession) -> dict[str, str]:
    """Return the headers of an administrator."""
    headers = await signed_in(client, "root")
    await session.execute(sa.update(User).filter_by(name="root").values(role="admin"))
    await session.commit()
    return headers


def bearer(tokens: JSON) -> dict[str, str]:
    """Return headers with an access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}
