"""The queries of `projects` and `project_members`."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.common.schemas import PageQuery
from app.db.keyset import Columns, Rows, fetch_page
from app.modules.projects.models import Member, Project
from app.modules.projects.schemas import ProjectQuery
from app.modules.users.models import User

# The columns that a list can be sorted by; its sort parameter names them.
SORTS: Columns = {"id": Project.id, "name": Project.name}
MEMBER_SORTS: Columns = {"id": Member.id}


class ProjectRepository:
    """Reads and writes `projects`. Rows that were deleted are not found."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, project_id: uuid.UUID) -> Project | None:
        """Return one project, or nothing."""
        return await self._session.scalar(self._rows().filter_by(id=project_id))

    async def lock(self, project_id: uuid.UUID) -> Project | None:
        """Return one project when nobody else holds it, and hold it until the commit."""
        statement = self._rows().filter_by(id=project_id)
        return await self._session.scalar(statement.with_for_update(key_share=True))

    async def list_page(self, user_id: uuid.UUID, query: ProjectQuery) -> Rows[Project]:
        """Return one page of the projects that somebody is a member of."""
        memberships = sa.select(Member.project_id).where(
            Member.user_id == user_id, sa.not_(Member.is_deleted)
        )
        statement = self._rows().where(Project.id.in_(memberships))
        return await fetch_page(self._session, statement, SORTS, query.sort, query)

    async def save(self, item: Project) -> None:
        """Write a project at once."""
        self._session.add(item)
        await self._session.flush()

    def _rows(self) -> sa.Select[Project]:
        return sa.select(Project).where(sa.not_(Project.is_deleted))


class MemberRepository:
    """Reads and writes `project_members`. Those who left, or were removed, are not found."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, project_id: uuid.UUID, user_id: uuid.UUID) -> Member | None:
        """Return one member with their user, or nothing."""
        statement = self._rows(project_id).options(joinedload(Member.user))
        return await self._session.scalar(statement.where(Member.user_id == user_id))

    async def get_role(self, project_id: uuid.UUID, user_id: uuid.UUID) -> str | None:
        """Return the role of somebody in a project that is not deleted, or nothing."""
        statement = sa.select(Member.role).join(Project, Project.id == Member.project_id)
        return await self._session.scalar(
            statement.where(
                Member.project_id == project_id,
                Member.user_id == user_id,
                sa.not_(Member.is_deleted),
                sa.not_(Project.is_deleted),
            )
        )

    async def has_other_owner(self, project_id: uuid.UUID, user_id: uuid.UUID) -> bool:
        """Tell whether a project has an owner beside this user, who may sign in."""
        owners = self._rows(project_id).where(Member.role == "owner").join(Member.user)
        others = owners.where(Member.user_id != user_id, User.is_active)
        return bool(await self._session.scalar(sa.select(others.exists())))

    async def list_page(self, project_id: uuid.UUID, query: PageQuery) -> Rows[Member]:
        """Return one page of the members of a project, in the order in which they came."""
        statement = self._rows(project_id).options(joinedload(Member.user))
        return await fetch_page(self._session, statement, MEMBER_SORTS, "id", query)

    async def save(self, item: Member) -> None:
        """Write a member at once."""
        self._session.add(item)
        await self._session.flush()

    def _rows(self, project_id: uuid.UUID) -> sa.Select[Member]:
        return sa.select(Member).where(Member.project_id == project_id, sa.not_(Member.is_deleted))
