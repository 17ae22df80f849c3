"""Routes of the files of a project, for its members."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Depends, Request, status
from fastapi.responses import RedirectResponse

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.projects import ReadableProject, WritableProject
from app.infrastructure.security import declared_size
from app.modules.files.router import BINARY, read_content_type
from app.modules.files.schemas import FileCreate, FileCreated, FileQuery, FileRead, FileUpload
from app.modules.files.service import FileService

router = Router(prefix="/projects/{project_id}/files", tags=["files"])


@router.post(
    "",
    response_model=FileCreated,
    status_code=status.HTTP_201_CREATED,
    summary="Create a file of a project, to upload its content to the file server",
    responses=responses(401, 403, 404, 413, 422),
)
async def create(project_id: WritableProject, data: FileCreate, session: DbSession) -> FileCreated:
    return await FileService(session, "project").create(project_id, data)


@router.post(
    "/upload",
    response_model=FileRead,
    status_code=status.HTTP_201_CREATED,
    summary="Upload the body as a file of a project, with its media type",
    responses=responses(401, 403, 404, 408, 413, 422, 503),
    openapi_extra={"requestBody": {"required": True, "content": BINARY}},
)
async def upload(
    project_id: WritableProject,
    query: QueryParams[FileUpload],
    content_type: Annotated[str, Depends(read_content_type)],
    request: Request,
    session: DbSession,
) -> FileRead:
    service = FileService(session, "project")
    size = declared_size(request.scope) or None
    return await service.upload(project_id, query, content_type, request.stream(), size)


@router.get(
    "",
    response_model=Page[FileRead],
    status_code=status.HTTP_200_OK,
    summary="List the files of a project",
    responses=responses(401, 404, 422),
)
async def list_page(
    project_id: ReadableProject, query: QueryParams[FileQuery], session: DbSession
) -> Page[FileRead]:
    return await FileService(session, "project").list_page(project_id, query)


@router.get(
    "/{file_id}",
    response_model=FileRead,
    status_code=status.HTTP_200_OK,
    summary="Get a file of a project",
    responses=responses(401, 404, 422),
)
async def get(project_id: ReadableProject, file_id: uuid.UUID, session: DbSession) -> FileRead:
    return await FileService(session, "project").get(project_id, file_id)


@router.post(
    "/{file_id}/confirm",
    response_model=FileRead,
    status_code=status.HTTP_200_OK,
    summary="Confirm that the content of a project's file has been uploaded to the file server",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def confirm(project_id: WritableProject, file_id: uuid.UUID, session: DbSession) -> FileRead:
    return await FileService(session, "project").confirm(project_id, file_id)


@router.get(
    "/{file_id}/content",
    response_model=None,
    response_class=RedirectResponse,
    status_code=status.HTTP_307_TEMPORARY_REDIRECT,
    summary="Download the content of a project's file, by a redirect to the file server",
    responses=responses(401, 404, 409, 422, 503),
)
async def download(
    project_id: ReadableProject, file_id: uuid.UUID, session: DbSession
) -> RedirectResponse:
    return RedirectResponse(await FileService(session, "project").get_url(project_id, file_id))


@router.delete(
    "/{file_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a file of a project",
    responses=responses(401, 403, 404, 409, 422),
)
async def delete(project_id: WritableProject, file_id: uuid.UUID, session: DbSession) -> None:
    await FileService(session, "project").delete(project_id, file_id)
