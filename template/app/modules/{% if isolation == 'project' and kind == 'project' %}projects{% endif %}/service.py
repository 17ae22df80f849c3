"""The rules of projects, and of who may do what in them."""

from __future__ import annotations

import uuid
from typing import get_args

from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import problem
from app.common.schemas import Page, PageQuery
from app.modules.projects.models import Member, Project
from app.modules.projects.repository import MemberRepository, ProjectRepository
from app.modules.projects.schemas import (
    MemberCreate,
    MemberRead,
    MemberUpdate,
    ProjectCreate,
    ProjectQuery,
    ProjectRead,
    ProjectRole,
    ProjectUpdate,
)
from app.modules.users.models import User
from app.modules.users.service import UserService

ERROR_NOT_FOUND = "There is no project with this id"
ERROR_NO_MEMBER = "The project has no member with this id"
ERROR_NO_USER = "Nobody with this address can be added"
ERROR_FORBIDDEN = "Your role in the project does not allow this"
ERROR_LAST_OWNER = "A project needs an owner: make somebody else one first"
# From the least to the greatest: each may do what those before it may.
ROLES: tuple[ProjectRole, ...] = get_args(ProjectRole)


class ProjectService:
    """What can be done with projects."""

    def __init__(self, session: AsyncSession) -> None:
        self._repository = ProjectRepository(session)
        self._members = MemberRepository(session)

    async def create(self, data: ProjectCreate, user: User) -> ProjectRead:
        """Store a new project, whose owner is who makes it."""
        project = Project(**data.model_dump())
        await self._repository.save(project)
        await self._members.save(Member(project_id=project.id, user=user, role="owner"))
        return ProjectRead.model_validate(project)

    async def list_page(self, user_id: uuid.UUID, query: ProjectQuery) -> Page[ProjectRead]:
        """Return one page of the projects that somebody is a member of."""
        rows = await self._repository.list_page(user_id, query)
        return Page[ProjectRead].model_validate(rows)

    async def get(self, project_id: uuid.UUID) -> ProjectRead:
        """Return one project."""
        return ProjectRead.model_validate(await self._find(project_id))

    async def update(self, project_id: uuid.UUID, data: ProjectUpdate) -> ProjectRead:
        """Change the fields that were sent."""
        project = await self._find(project_id)
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(project, name, value)
        await self._repository.save(project)
        return ProjectRead.model_validate(project)

    async def delete(self, project_id: uuid.UUID) -> None:
        """Mark a project as deleted; what belongs to it stays, and nobody reaches it."""
        project = await self._find(project_id)
        project.is_deleted = True
        await self._repository.save(project)

    async def _find(self, project_id: uuid.UUID) -> Project:
        project = await self._repository.get(project_id)
        if project is None:
            raise problem(404, "not_found", ERROR_NOT_FOUND)
        return project


class MemberService:
    """Who is a member of a project, and what their role allows."""

    def __init__(self, session: AsyncSession) -> None:
        self._repository = MemberRepository(session)
        self._projects = ProjectRepository(session)
        self._users = UserService(session)

    async def require_role(
        self, project_id: uuid.UUID, user_id: uuid.UUID, needed: ProjectRole
    ) -> None:
        """Refuse whoever has a lower role; who is no member does not learn of the project."""
        role = await self._repository.get_role(project_id, user_id)
        if role is None:
            raise problem(404, "not_found", ERROR_NOT_FOUND)
        if ROLES.index(role) < ROLES.index(needed):
            raise problem(403, "forbidden", ERROR_FORBIDDEN)

    async def list_page(self, project_id: uuid.UUID, query: PageQuery) -> Page[MemberRead]:
        """Return one page of the members."""
        rows = await self._repository.list_page(project_id, query)
        return Page[MemberRead].model_validate(rows)

    async def create(self, project_id: uuid.UUID, data: MemberCreate) -> MemberRead:
        """Add somebody; why an address leads to nobody is not told."""
        user = await self._users.find_by_email(data.email)
        if user is None or not user.is_active:
            raise problem(422, "unknown_reference", ERROR_NO_USER, "email")
        member = Member(project_id=project_id, user=user, role=data.role)
        await self._repository.save(member)
        return MemberRead.model_validate(member)

    async def update(
        self, project_id: uuid.UUID, user_id: uuid.UUID, data: MemberUpdate
    ) -> MemberRead:
        """Give a member another role."""
        if data.role != "owner":
            await self._keep_an_owner(project_id, user_id)
        member = await self._find(project_id, user_id)
        member.role = data.role
        await self._repository.save(member)
        return MemberRead.model_validate(member)

    async def delete(self, project_id: uuid.UUID, user_id: uuid.UUID, by: uuid.UUID) -> None:
        """Remove a member, which takes an owner, unless they go by themselves."""
        if user_id != by:
            await self.require_role(project_id, by, "owner")
        await self._keep_an_owner(project_id, user_id)
        member = await self._find(project_id, user_id)
        member.is_deleted = True
        await self._repository.save(member)

    async def _keep_an_owner(self, project_id: uuid.UUID, user_id: uuid.UUID) -> None:
        """Refuse to do without an owner who is the last; two who go at once wait for one another."""
        await self._projects.lock(project_id)
        if not await self._repository.has_other_owner(project_id, user_id):
            raise problem(409, "last_owner", ERROR_LAST_OWNER)

    async def _find(self, project_id: uuid.UUID, user_id: uuid.UUID) -> Member:
        member = await self._repository.get(project_id, user_id)
        if member is None:
            raise problem(404, "not_found", ERROR_NO_MEMBER)
        return member
