"""Jobs of a project: members read them, editors cancel them, and other users do not find them."""

from __future__ import annotations

import uuid

import httpx2
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from tests.api import JSON, assert_problem, rows_of
from tests.modules.jobs.probe import probe
from tests.modules.projects.factory import Headers, new_member, new_project
from tests.modules.users.factory import signed_in


@pytest_asyncio.fixture
async def owner(client: httpx2.AsyncClient) -> Headers:
    """The headers of the owner of the project."""
    return await signed_in(client, "ann")


@pytest_asyncio.fixture
async def project(client: httpx2.AsyncClient, owner: Headers) -> JSON:
    """A project."""
    return await new_project(client, owner)


async def test_members_follow_the_jobs_of_their_project(
    client: httpx2.AsyncClient, session: AsyncSession, owner: Headers, project: JSON
) -> None:
    job = await probe.enqueue(session, uuid.UUID(project["id"]), {"does": "nothing"})
    await session.commit()
    jobs = f"/api/v1/projects/{project['id']}/jobs"
    url = f"{jobs}/{job.id}"
    viewer = await new_member(client, owner, project, "viewer")
    stranger = await signed_in(client, "eve")

    shown = await client.get(url, headers=viewer)
    assert shown.json()["status"] == "queued"
    assert rows_of((await client.get(jobs, headers=viewer)).json()) == [shown.json()]
    assert_problem(await client.post(f"{url}/cancel", headers=viewer), 403)
    for method, path in (("GET", jobs), ("GET", url), ("POST", f"{url}/cancel")):
        assert_problem(await client.request(method, path, headers=stranger), 404)
        assert_problem(await client.request(method, path), 401)
    assert_problem(await client.get(f"/api/v1/jobs/{job.id}", headers=owner), 404)
    other = await new_project(client, stranger, "Gemini")
    elsewhere = f"/api/v1/projects/{other['id']}/jobs/{job.id}"
    assert_problem(await client.get(elsewhere, headers=stranger), 404)

    cancelled = await client.post(f"{url}/cancel", headers=owner)
    assert cancelled.json()["status"] == "cancelled"
