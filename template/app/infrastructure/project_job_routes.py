"""Routes of the jobs of a project, for its members."""

from __future__ import annotations

import uuid

from fastapi import status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.projects import ReadableProject, WritableProject
from app.modules.jobs.schemas import JobQuery, JobRead
from app.modules.jobs.service import JobService

router = Router(prefix="/projects/{project_id}/jobs", tags=["jobs"])


@router.get(
    "",
    response_model=Page[JobRead],
    status_code=status.HTTP_200_OK,
    summary="List the jobs of a project",
    responses=responses(401, 404, 422),
)
async def list_page(
    project_id: ReadableProject,
    query: QueryParams[JobQuery],
    session: DbSession,
) -> Page[JobRead]:
    return await JobService(session).list_page(project_id, query)


@router.get(
    "/{job_id}",
    response_model=JobRead,
    status_code=status.HTTP_200_OK,
    summary="Get a job of a project",
    responses=responses(401, 404, 422),
)
async def get(project_id: ReadableProject, job_id: uuid.UUID, session: DbSession) -> JobRead:
    return await JobService(session).get(project_id, job_id)


@router.post(
    "/{job_id}/cancel",
    response_model=JobRead,
    status_code=status.HTTP_200_OK,
    summary="Cancel a job of a project that has not ended",
    responses=responses(401, 403, 404, 409, 422),
)
async def cancel(project_id: WritableProject, job_id: uuid.UUID, session: DbSession) -> JobRead:
    return await JobService(session).cancel(project_id, job_id)
