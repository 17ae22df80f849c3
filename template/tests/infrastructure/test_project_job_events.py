"""Members of a project follow one of its jobs, and other users do not."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from websockets.exceptions import InvalidStatus

from app.infrastructure.tasks import run_job
from app.modules.projects.models import Member, Project
from tests.modules.jobs.probe import probe
from tests.streams import Served, new_user


@pytest.mark.parametrize("transport", ["stream", "socket"])
async def test_members_alone_follow_a_job_of_a_project(
    served: Served, session: AsyncSession, transport: str
) -> None:
    (ann, headers), (_, stranger) = [await new_user(session, name) for name in ("ann", "eve")]
    project = Project(name="Apollo")
    session.add(project)
    await session.flush()
    session.add(Member(project_id=project.id, user_id=ann, role="viewer"))
    job = await probe.enqueue(session, project.id, {"project_id": str(project.id)})
    await session.commit()
    url = f"/api/v1/projects/{project.id}/jobs/{job.id}/events"

    async with getattr(served, transport)(url, headers) as stream:
        await stream.next()
        state = await stream.next()
        await run_job(probe, job.id)
        told = [await stream.next() for _ in range(3)]

    assert [event.data["progress"] for event in (state, *told)] == [0, 0, 50, 100]
    for excluded, status in ((stranger, 404), ({}, 401)):
        assert (await served.client.get(url, headers=excluded)).status_code == status
        with pytest.raises(InvalidStatus, match=str(status)):
            async with served.socket(url, excluded):
                pass
