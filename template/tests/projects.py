"""Projects in the tests of modules whose rows are a project's: each has the id of its owner."""

from __future__ import annotations

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.projects.models import Member, Project
from tests import owners
from tests.owners import OWNER, SOMEBODY_ELSE


async def sign_in(client: httpx2.AsyncClient, session: AsyncSession) -> None:
    """Let every request of a client be that of who owns the project."""
    await owners.sign_in(client, session)
    ids = (OWNER, SOMEBODY_ELSE)
    session.add_all(Project(id=owner, name="Apollo") for owner in ids)
    await session.flush()
    session.add_all(Member(project_id=owner, user_id=owner, role="owner") for owner in ids)
    await session.commit()


async def take_role(session: AsyncSession, role: str | None) -> None:
    """Leave the owner another role in the project, or none."""
    values = {"is_deleted": True} if role is None else {"role": role}
    await session.execute(sa.update(Member).filter_by(project_id=OWNER).values(values))
    await session.commit()
