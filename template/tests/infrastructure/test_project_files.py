"""Files of a project: members read them, editors write them, and other users do not find them."""

from __future__ import annotations

import httpx2
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.db.base import utc_now
from app.infrastructure.settings import get_settings
from app.infrastructure.tls import get_tls
from app.purge_files import MAX_PENDING, purge
from tests.api import JSON, assert_problem, rows_of
from tests.modules.projects.factory import Headers, new_member, new_project
from tests.modules.users.factory import signed_in
from tests.storage import CONTENT, body_of, object_names, send


@pytest_asyncio.fixture
async def owner(client: httpx2.AsyncClient) -> Headers:
    """The headers of the owner of the project."""
    return await signed_in(client, "ann")


@pytest_asyncio.fixture
async def project(client: httpx2.AsyncClient, owner: Headers) -> JSON:
    """A project."""
    return await new_project(client, owner)


def files_of(project: JSON) -> str:
    return f"/api/v1/projects/{project['id']}/files"


async def upload(
    client: httpx2.AsyncClient, project: JSON, headers: Headers, content: bytes = CONTENT
) -> httpx2.Response:
    url = f"{files_of(project)}/upload?name=words.txt"
    headers = {**headers, "Content-Type": "text/plain"}
    return await client.post(url, content=content, headers=headers)


async def test_members_share_the_files_of_their_project(
    client: httpx2.AsyncClient, owner: Headers, project: JSON
) -> None:
    viewer = await new_member(client, owner, project, "viewer")
    content = CONTENT + b"x" * get_settings().max_body_bytes
    uploaded = await upload(client, project, owner, content)
    file = uploaded.json()
    url = f"{files_of(project)}/{file['id']}"
    announced = (await client.post(files_of(project), json=body_of(CONTENT), headers=owner)).json()
    await send(announced)
    confirm = f"{files_of(project)}/{announced['id']}/confirm"

    assert uploaded.status_code == 201, uploaded.text
    assert f"proj:{project['id']}:{file['id']}" in await object_names()
    assert (await client.get(url, headers=viewer)).json() == file
    listed = rows_of((await client.get(files_of(project), headers=viewer)).json())
    assert [row["id"] for row in listed] == [file["id"], announced["id"]]
    redirect = await client.get(f"{url}/content", headers=viewer)
    async with httpx2.AsyncClient(verify=get_tls()) as outside:
        assert (await outside.get(redirect.headers["location"])).content == content
    assert (await upload(client, project, viewer)).status_code == 403
    refused = await client.post(files_of(project), json=body_of(CONTENT), headers=viewer)
    assert_problem(refused, 403)
    assert_problem(await client.post(confirm, headers=viewer), 403)
    assert_problem(await client.delete(url, headers=viewer), 403)
    assert (await client.post(confirm, headers=owner)).json()["state"] == "stored"
    assert (await client.delete(url, headers=owner)).status_code == 204


async def test_files_of_a_project_are_found_there_alone(
    client: httpx2.AsyncClient, owner: Headers, project: JSON
) -> None:
    file = (await upload(client, project, owner)).json()
    stranger = await signed_in(client, "eve")
    other = await new_project(client, stranger, "Gemini")
    own = f"/api/v1/files/{file['id']}"
    paths = [("GET", ""), ("GET", "/content"), ("POST", "/confirm"), ("DELETE", "")]

    for method, path in paths:
        url = f"{files_of(project)}/{file['id']}{path}"
        elsewhere = f"{files_of(other)}/{file['id']}{path}"
        assert_problem(await client.request(method, url, headers=stranger), 404)
        assert_problem(await client.request(method, elsewhere, headers=stranger), 404)
        assert_problem(await client.request(method, own + path, headers=owner), 404)
        assert_problem(await client.request(method, url), 401)
    assert (await upload(client, project, stranger)).status_code == 404
    assert_problem(await client.get(files_of(project), headers=stranger), 404)
    assert rows_of((await client.get(files_of(other), headers=stranger)).json()) == []


async def test_purge_removes_files_of_deleted_projects(
    client: httpx2.AsyncClient,
    sessions: async_sessionmaker[AsyncSession],
    owner: Headers,
    project: JSON,
) -> None:
    file = (await upload(client, project, owner)).json()
    url = f"/api/v1/projects/{project['id']}"
    assert (await client.delete(url, headers=owner)).status_code == 204

    assert await purge(sessions, utc_now() - MAX_PENDING) == 1

    assert not [name for name in await object_names() if file["id"] in name]
