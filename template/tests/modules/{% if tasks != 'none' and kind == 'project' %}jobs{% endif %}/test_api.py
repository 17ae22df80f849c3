"""Jobs over the API: their owner lists, reads and cancels them."""

from __future__ import annotations

import uuid

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from app.infrastructure.owner import OWNER_ERRORS
from app.modules.jobs.models import Job
from tests.api import assert_problem, json_name, rows_of
from tests.modules.jobs.probe import probe
from tests.owner import sign_in

URL = "/api/v1/jobs"


@pytest_asyncio.fixture
async def owner_id(client: httpx2.AsyncClient) -> uuid.UUID | None:
    """The owner, who sends every request of the client."""
    return await sign_in(client)


async def enqueue(session: AsyncSession, owner_id: uuid.UUID | None) -> str:
    """Start a job and return its id."""
    job = await probe.enqueue(session, owner_id, {"does": "nothing"})
    await session.commit()
    return str(job.id)


async def test_owner_follows_a_job(
    client: httpx2.AsyncClient, session: AsyncSession, owner_id: uuid.UUID | None
) -> None:
    job_id = await enqueue(session, owner_id)

    job = (await client.get(f"{URL}/{job_id}")).json()

    expected = {"kind": "probe", "status": "queued", "progress": 0, "attempts": 0}
    assert expected.items() <= job.items()
    assert json_name("owner_id") not in job
    for query, found in (({"status": "queued"}, [job]), ({"status": "failed"}, [])):
        assert rows_of((await client.get(URL, params=query)).json()) == found


async def test_job_of_another_owner_is_not_found(
    client: httpx2.AsyncClient, session: AsyncSession, owner_id: uuid.UUID | None
) -> None:
    job_id = await enqueue(session, uuid.uuid4())

    assert_problem(await client.get(f"{URL}/{job_id}"), 404)
    assert_problem(await client.post(f"{URL}/{job_id}/cancel"), 404)
    assert rows_of((await client.get(URL)).json()) == []
    job = await session.get_one(Job, uuid.UUID(job_id), populate_existing=True)
    assert job.status == "queued"


async def test_routes_need_the_owner(client: httpx2.AsyncClient) -> None:
    response = await client.get(URL)

    assert response.status_code == (401 if OWNER_ERRORS else 200)


async def test_job_is_cancelled_unless_it_has_ended(
    client: httpx2.AsyncClient, session: AsyncSession, owner_id: uuid.UUID | None
) -> None:
    job_id = await enqueue(session, owner_id)
    for _ in range(2):
        response = await client.post(f"{URL}/{job_id}/cancel")
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")
        assert response.json()[json_name("finished_at")]

    job = await session.get_one(Job, uuid.UUID(job_id))
    job.status = "succeeded"
    await session.commit()
    assert_problem(await client.post(f"{URL}/{job_id}/cancel"), 409)


@pytest.mark.parametrize("path", ["/{}", "/{}/cancel"])
async def test_missing_job_returns_404(
    client: httpx2.AsyncClient, owner_id: uuid.UUID | None, path: str
) -> None:
    method = client.post if path.endswith("cancel") else client.get

    assert_problem(await method(URL + path.format(uuid.uuid4())), 404)
