"""Projects for tests, with members of every role."""

from __future__ import annotations

import httpx2

from tests.api import JSON
from tests.modules.users.factory import signed_in

URL = "/api/v1/projects"
Headers = dict[str, str]


async def new_project(client: httpx2.AsyncClient, owner: Headers, name: str = "Apollo") -> JSON:
    """Create a project and return it."""
    response = await client.post(URL, json={"name": name}, headers=owner)
    assert response.status_code == 201, response.text
    project: JSON = response.json()
    return project


async def join(
    client: httpx2.AsyncClient, owner: Headers, project: JSON, name: str, role: str
) -> JSON:
    """Add a registered user to a project and return the member."""
    body = {"email": f"{name}@example.com", "role": role}
    response = await client.post(f"{URL}/{project['id']}/members", json=body, headers=owner)
    assert response.status_code == 201, response.text
    member: JSON = response.json()
    return member


async def new_member(
    client: httpx2.AsyncClient, owner: Headers, project: JSON, role: str
) -> Headers:
    """Register a user with the name of a role and return their headers."""
    headers = await signed_in(client, role)
    await join(client, owner, project, role, role)
    return headers
