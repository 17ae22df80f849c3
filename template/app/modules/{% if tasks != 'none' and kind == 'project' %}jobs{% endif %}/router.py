"""Job routes."""

from __future__ import annotations

import uuid

from fastapi import status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.owner import OWNER_ERRORS, READER_ERRORS, OwnerId
from app.modules.jobs.schemas import JobQuery, JobRead
from app.modules.jobs.service import JobService

router = Router(prefix="/jobs", tags=["jobs"])


@router.get(
    "",
    response_model=Page[JobRead],
    status_code=status.HTTP_200_OK,
    summary="List jobs",
    responses=responses(*READER_ERRORS, 422),
)
async def list_page(
    owner_id: OwnerId,
    query: QueryParams[JobQuery],
    session: DbSession,
) -> Page[JobRead]:
    return await JobService(session).list_page(owner_id, query)


@router.get(
    "/{job_id}",
    response_model=JobRead,
    status_code=status.HTTP_200_OK,
    summary="Get a job",
    responses=responses(*READER_ERRORS, 404, 422),
)
async def get(owner_id: OwnerId, job_id: uuid.UUID, session: DbSession) -> JobRead:
    return await JobService(session).get(owner_id, job_id)


@router.post(
    "/{job_id}/cancel",
    response_model=JobRead,
    status_code=status.HTTP_200_OK,
    summary="Cancel a job that has not ended",
    responses=responses(*OWNER_ERRORS, 404, 409, 422),
)
async def cancel(owner_id: OwnerId, job_id: uuid.UUID, session: DbSession) -> JobRead:
    return await JobService(session).cancel(owner_id, job_id)
