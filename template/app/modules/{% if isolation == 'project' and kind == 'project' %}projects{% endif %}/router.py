"""Project and member routes."""

from __future__ import annotations

import uuid

from fastapi import Depends, status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.auth import CurrentUser
from app.infrastructure.projects import ManagedProject, ReadableProject
from app.infrastructure.rate_limits import limited
from app.modules.projects.schemas import (
    MemberCreate,
    MemberQuery,
    MemberRead,
    MemberUpdate,
    ProjectCreate,
    ProjectQuery,
    ProjectRead,
    ProjectUpdate,
)
from app.modules.projects.service import MemberService, ProjectService

router = Router(prefix="/projects", tags=["projects"])


@router.post(
    "",
    response_model=ProjectRead,
    status_code=status.HTTP_201_CREATED,
    summary="Create a project, as its owner",
    responses=responses(401, 403, 422),
)
async def create(data: ProjectCreate, user: CurrentUser, session: DbSession) -> ProjectRead:
    service = ProjectService(session)
    return await service.create(data, user)


@router.get(
    "",
    response_model=Page[ProjectRead],
    status_code=status.HTTP_200_OK,
    summary="List your projects",
    responses=responses(401, 422),
)
async def list_page(
    query: QueryParams[ProjectQuery],
    user: CurrentUser,
    session: DbSession,
) -> Page[ProjectRead]:
    service = ProjectService(session)
    return await service.list_page(user.id, query)


@router.get(
    "/{project_id}",
    response_model=ProjectRead,
    status_code=status.HTTP_200_OK,
    summary="Get a project",
    responses=responses(401, 404, 422),
)
async def get(project_id: ReadableProject, session: DbSession) -> ProjectRead:
    service = ProjectService(session)
    return await service.get(project_id)


@router.patch(
    "/{project_id}",
    response_model=ProjectRead,
    status_code=status.HTTP_200_OK,
    summary="Update a project, as its owner",
    responses=responses(401, 403, 404, 422),
)
async def update(
    project_id: ManagedProject,
    data: ProjectUpdate,
    session: DbSession,
) -> ProjectRead:
    service = ProjectService(session)
    return await service.update(project_id, data)


@router.delete(
    "/{project_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a project, as its owner",
    responses=responses(401, 403, 404, 422),
)
async def delete(project_id: ManagedProject, session: DbSession) -> None:
    service = ProjectService(session)
    await service.delete(project_id)


@router.get(
    "/{project_id}/members",
    response_model=Page[MemberRead],
    status_code=status.HTTP_200_OK,
    summary="List the members of a project",
    responses=responses(401, 404, 422),
)
async def list_members(
    project_id: ReadableProject,
    query: QueryParams[MemberQuery],
    session: DbSession,
) -> Page[MemberRead]:
    service = MemberService(session)
    return await service.list_page(project_id, query)


@router.post(
    "/{project_id}/members",
    response_model=MemberRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a member, as an owner",
    responses=responses(401, 403, 404, 409, 422, 429),
    dependencies=[Depends(limited("login"))],
)
async def add_member(
    project_id: ManagedProject,
    data: MemberCreate,
    session: DbSession,
) -> MemberRead:
    service = MemberService(session)
    return await service.create(project_id, data)


@router.patch(
    "/{project_id}/members/{user_id}",
    response_model=MemberRead,
    status_code=status.HTTP_200_OK,
    summary="Change the role of a member, as an owner",
    responses=responses(401, 403, 404, 409, 422),
)
async def update_member(
    project_id: ManagedProject,
    user_id: uuid.UUID,
    data: MemberUpdate,
    session: DbSession,
) -> MemberRead:
    service = MemberService(session)
    return await service.update(project_id, user_id, data)


@router.delete(
    "/{project_id}/members/{user_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a member, as an owner, or leave",
    responses=responses(401, 403, 404, 409, 422),
)
async def remove_member(
    project_id: ReadableProject,
    user_id: uuid.UUID,
    user: CurrentUser,
    session: DbSession,
) -> None:
    service = MemberService(session)
    await service.delete(project_id, user_id, user.id)
