"""Project and member queries. Deleted rows are excluded."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.db.keyset import Rows, fetch_page
from app.modules.projects.models import Member, Project
from app.modules.projects.schemas import MemberQuery, ProjectQuery
from app.modules.users.models import User


class ProjectRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, project_id: uuid.UUID) -> Project | None:
        return await self._session.scalar(self._live().filter_by(id=project_id))

    async def lock(self, project_id: uuid.UUID) -> Project | None:
        """Lock the project until the commit."""
        statement = self._live().filter_by(id=project_id)
        return await self._session.scalar(statement.with_for_update(key_share=True))

    async def list_page(self, user_id: uuid.UUID, query: ProjectQuery) -> Rows[Project]:
        """Return one page of the projects of a user."""
        memberships = sa.select(Member.project_id).where(
            Member.user_id == user_id, sa.not_(Member.is_deleted)
        )
        statement = self._live().where(Project.id.in_(memberships))
        return await fetch_page(self._session, statement, query.sort, query)

    async def save(self, project: Project) -> None:
        self._session.add(project)
        await self._session.flush()

    def _live(self) -> sa.Select[Project]:
        return sa.select(Project).where(sa.not_(Project.is_deleted))


class MemberRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, project_id: uuid.UUID, user_id: uuid.UUID) -> Member | None:
        """Return a member, with the user loaded."""
        statement = self._live(project_id).options(joinedload(Member.user))
        return await self._session.scalar(statement.where(Member.user_id == user_id))

    async def get_role(self, project_id: uuid.UUID, user_id: uuid.UUID) -> str | None:
        """Return the role of a user in a project, or None if either is deleted."""
        statement = sa.select(Member.role).join(Project, Project.id == Member.project_id)
        return await self._session.scalar(
            statement.where(
                Member.project_id == project_id,
                Member.user_id == user_id,
                sa.not_(Member.is_deleted),
                sa.not_(Project.is_deleted),
            )
        )

    async def has_other_owner(self, member: Member) -> bool:
        """Return whether another active user is an owner of the project."""
        owners = self._live(member.project_id).where(Member.role == "owner").join(Member.user)
        others = owners.where(Member.user_id != member.user_id, User.is_active)
        return bool(await self._session.scalar(sa.select(others.exists())))

    async def list_page(self, project_id: uuid.UUID, query: MemberQuery) -> Rows[Member]:
        """Return one page of the members of a project."""
        statement = self._live(project_id).options(joinedload(Member.user))
        return await fetch_page(self._session, statement, query.sort, query)

    async def save(self, member: Member) -> None:
        self._session.add(member)
        await self._session.flush()

    def _live(self, project_id: uuid.UUID) -> sa.Select[Member]:
        return sa.select(Member).where(Member.project_id == project_id, sa.not_(Member.is_deleted))
