"""Only members of a project get its events."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from websockets.exceptions import InvalidStatus

from app.infrastructure.channels import project_channel, publish
from app.infrastructure.events import get_hub
from app.modules.projects.models import Member, Project
from tests.streams import Served, new_user


@pytest.mark.parametrize("transport", ["stream", "socket"])
async def test_members_alone_get_the_events_of_a_project(
    served: Served,
    session: AsyncSession,
    sessions: async_sessionmaker[AsyncSession],
    transport: str,
) -> None:
    ann, headers = await new_user(session, "ann")
    _, stranger = await new_user(session, "eve")
    project = Project(name="Apollo")
    session.add(project)
    await session.flush()
    session.add(Member(project_id=project.id, user_id=ann, role="viewer"))
    await session.commit()
    url = f"/api/v1/projects/{project.id}/events"

    async with getattr(served, transport)(url, headers) as stream:
        await stream.next()
        async with sessions.begin() as writing:
            publish(writing, project_channel(uuid.uuid4()), "counted", {"number": 1})
            publish(writing, project_channel(project.id), "counted", {"number": 2})
        assert (await stream.next()).data == {"number": 2}

        await session.execute(sa.update(Member).values(is_deleted=True))
        await session.commit()
        await get_hub().end_revoked()
        assert (await stream.next()).data == {"reason": "revoked"}

    for excluded, status in ((headers, 404), (stranger, 404), ({}, 401)):
        assert (await served.client.get(url, headers=excluded)).status_code == status
        with pytest.raises(InvalidStatus, match=str(status)):
            async with served.socket(url, excluded):
                pass
