"""Contract of modules whose rows belong to a project, which has members with roles."""

from __future__ import annotations

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.projects.models import Member, Project
from tests.api import assert_problem
from tests.contract.owners import OTHER_OWNER, OWNER, OwnedContract, give_away, sign_in


async def take_role(session: AsyncSession, role: str | None) -> None:
    """Give the owner another role in the project, or none."""
    values = {"is_deleted": True} if role is None else {"role": role}
    await session.execute(sa.update(Member).filter_by(project_id=OWNER).values(values))
    await session.commit()


class ProjectContract(OwnedContract):
    """Rows belong to a project, whose members reach them by their role."""

    async def add_owners(self, client: httpx2.AsyncClient, session: AsyncSession) -> None:
        """Create two owners of projects, which have their ids, and sign the first of them in."""
        await sign_in(client, session)
        ids = (OWNER, OTHER_OWNER)
        session.add_all(Project(id=owner, name="Apollo") for owner in ids)
        await session.flush()
        session.add_all(Member(project_id=owner, user_id=owner, role="owner") for owner in ids)
        await session.commit()

    @pytest.mark.parametrize(
        ("role", "read", "write"), [("editor", 200, 200), ("viewer", 200, 403), (None, 404, 404)]
    )
    async def test_role_decides_what_a_member_can_do(
        self,
        client: httpx2.AsyncClient,
        session: AsyncSession,
        role: str | None,
        read: int,
        write: int,
    ) -> None:
        _, row = await self.case.pair(client)
        body = await self.case.body(client, 1)
        await take_role(session, role)

        for method, url in self.routes(row["id"], OWNER):
            response = await client.request(method, url, json=body)
            expected = read if method == "get" else write
            if expected == 200:
                assert response.status_code not in {401, 403}
            else:
                assert_problem(response, expected)

    async def test_project_of_another_owner_returns_404(
        self, client: httpx2.AsyncClient, session: AsyncSession
    ) -> None:
        _, row = await self.case.pair(client)
        body = await self.case.body(client, 1)
        await give_away(session)

        for method, url in self.routes(row["id"], OTHER_OWNER):
            assert_problem(await client.request(method, url, json=body), 404)
