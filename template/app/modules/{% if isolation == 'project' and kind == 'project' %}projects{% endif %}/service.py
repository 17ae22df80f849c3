"""Project and member business logic."""

from __future__ import annotations

import uuid
from typing import get_args

from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ConflictError, ForbiddenError, NotFoundError, UnprocessableError
from app.common.schemas import Page
from app.modules.projects.models import Member, Project
from app.modules.projects.repository import MemberRepository, ProjectRepository
from app.modules.projects.schemas import (
    MemberCreate,
    MemberQuery,
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
ERROR_NO_USER = "No user with this address can be added"
ERROR_FORBIDDEN = "Your role in the project does not allow this"
ERROR_LAST_OWNER = "A project needs an owner: make another member an owner first"
# In ascending order: each role includes the permissions of those before it.
ROLES: tuple[ProjectRole, ...] = get_args(ProjectRole)


class ProjectService:
    def __init__(self, session: AsyncSession) -> None:
        self._repository = ProjectRepository(session)
        self._members = MemberRepository(session)

    async def create(self, data: ProjectCreate, user: User) -> ProjectRead:
        """Create a project with the user as its owner."""
        project = Project(**data.model_dump())
        await self._repository.save(project)
        await self._members.save(Member(project_id=project.id, user=user, role="owner"))
        return ProjectRead.model_validate(project)

    async def list_page(self, user_id: uuid.UUID, query: ProjectQuery) -> Page[ProjectRead]:
        """Return one page of the projects of a user."""
        rows = await self._repository.list_page(user_id, query)
        return Page[ProjectRead].model_validate(rows)

    async def get(self, project_id: uuid.UUID) -> ProjectRead:
        return ProjectRead.model_validate(await self._get(project_id))

    async def update(self, project_id: uuid.UUID, data: ProjectUpdate) -> ProjectRead:
        project = await self._get(project_id)
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(project, name, value)
        await self._repository.save(project)
        return ProjectRead.model_validate(project)

    async def delete(self, project_id: uuid.UUID) -> None:
        """Soft-delete the project. Its rows are kept and are no longer reachable."""
        project = await self._get(project_id)
        project.is_deleted = True
        await self._repository.save(project)

    async def _get(self, project_id: uuid.UUID) -> Project:
        project = await self._repository.get(project_id)
        if project is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        return project


class MemberService:
    def __init__(self, session: AsyncSession) -> None:
        self._repository = MemberRepository(session)
        self._projects = ProjectRepository(session)
        self._users = UserService(session)

    async def require_role(
        self, project_id: uuid.UUID, user_id: uuid.UUID, needed: ProjectRole
    ) -> None:
        """Raise 403 if the role is lower, and 404 if the user is not a member."""
        role = await self._repository.get_role(project_id, user_id)
        if role is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        if ROLES.index(role) < ROLES.index(needed):
            raise ForbiddenError(ERROR_FORBIDDEN)

    async def list_page(self, project_id: uuid.UUID, query: MemberQuery) -> Page[MemberRead]:
        rows = await self._repository.list_page(project_id, query)
        return Page[MemberRead].model_validate(rows)

    async def create(self, project_id: uuid.UUID, data: MemberCreate) -> MemberRead:
        """Add a user. Unknown and inactive addresses get the same error."""
        user = await self._users.find_by_email(data.email)
        if user is None or not user.is_active:
            raise UnprocessableError(ERROR_NO_USER, "email", code="unknown_reference")
        member = Member(project_id=project_id, user=user, role=data.role)
        await self._repository.save(member)
        return MemberRead.model_validate(member)

    async def update(
        self, project_id: uuid.UUID, user_id: uuid.UUID, data: MemberUpdate
    ) -> MemberRead:
        member = await self._get_locked(project_id, user_id)
        if data.role != "owner":
            await self._require_other_owner(member)
        member.role = data.role
        await self._repository.save(member)
        return MemberRead.model_validate(member)

    async def delete(self, project_id: uuid.UUID, user_id: uuid.UUID, by: uuid.UUID) -> None:
        """Remove a member. Only owners can remove others; every member can leave."""
        if user_id != by:
            await self.require_role(project_id, by, "owner")
        member = await self._get_locked(project_id, user_id)
        await self._require_other_owner(member)
        member.is_deleted = True
        await self._repository.save(member)

    async def _require_other_owner(self, member: Member) -> None:
        """Raise 409 for the last owner."""
        if member.role == "owner" and not await self._repository.has_other_owner(member):
            raise ConflictError(ERROR_LAST_OWNER, code="last_owner")

    async def _get_locked(self, project_id: uuid.UUID, user_id: uuid.UUID) -> Member:
        """Return a member. The lock makes concurrent changes of members wait."""
        await self._projects.lock(project_id)
        member = await self._repository.get(project_id, user_id)
        if member is None:
            raise NotFoundError(ERROR_NO_MEMBER)
        return member
