"""File routes."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Depends, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.owner import OWNER_ERRORS, READER_ERRORS, OwnerId
from app.infrastructure.security import BODY_LIMITS, declared_size
from app.infrastructure.settings import get_settings
from app.modules.files.schemas import (
    ContentType,
    FileCreate,
    FileCreated,
    FileQuery,
    FileRead,
    FileUpload,
)
from app.modules.files.service import FileService

BINARY = {"*/*": {"schema": {"type": "string", "format": "binary"}}}

router = Router(prefix="/files", tags=["files"])
BODY_LIMITS["files/upload"] = lambda: get_settings().max_upload_bytes

_content_type: TypeAdapter[str] = TypeAdapter(ContentType)


async def read_content_type(request: Request) -> str:
    """Return the media type of the body, without its parameters."""
    given = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        return _content_type.validate_python(given)
    except ValidationError as error:
        places = [{**one, "loc": ("header", "content_type")} for one in error.errors()]
        raise RequestValidationError(places) from error


@router.post(
    "",
    response_model=FileCreated,
    status_code=status.HTTP_201_CREATED,
    summary="Create a file, to upload its content to the file server",
    responses=responses(*OWNER_ERRORS, 413, 422),
)
async def create(data: FileCreate, owner_id: OwnerId, session: DbSession) -> FileCreated:
    service = FileService(session)
    return await service.create(owner_id, data)


@router.post(
    "/upload",
    response_model=FileRead,
    status_code=status.HTTP_201_CREATED,
    summary="Upload the body as a file, with its media type",
    responses=responses(*OWNER_ERRORS, 404, 408, 413, 422, 503),
    openapi_extra={"requestBody": {"required": True, "content": BINARY}},
)
async def upload(
    query: QueryParams[FileUpload],
    content_type: Annotated[str, Depends(read_content_type)],
    owner_id: OwnerId,
    request: Request,
    session: DbSession,
) -> FileRead:
    service = FileService(session)
    size = declared_size(request.scope) or None
    return await service.upload(owner_id, query, content_type, request.stream(), size)


@router.get(
    "",
    response_model=Page[FileRead],
    status_code=status.HTTP_200_OK,
    summary="List your files",
    responses=responses(*READER_ERRORS, 422),
)
async def list_page(
    query: QueryParams[FileQuery],
    owner_id: OwnerId,
    session: DbSession,
) -> Page[FileRead]:
    service = FileService(session)
    return await service.list_page(owner_id, query)


@router.get(
    "/{file_id}",
    response_model=FileRead,
    status_code=status.HTTP_200_OK,
    summary="Get a file",
    responses=responses(*READER_ERRORS, 404, 422),
)
async def get(file_id: uuid.UUID, owner_id: OwnerId, session: DbSession) -> FileRead:
    service = FileService(session)
    return await service.get(owner_id, file_id)


@router.post(
    "/{file_id}/confirm",
    response_model=FileRead,
    status_code=status.HTTP_200_OK,
    summary="Confirm that the content has been uploaded to the file server",
    responses=responses(*OWNER_ERRORS, 404, 409, 422, 503),
)
async def confirm(file_id: uuid.UUID, owner_id: OwnerId, session: DbSession) -> FileRead:
    service = FileService(session)
    return await service.confirm(owner_id, file_id)


@router.get(
    "/{file_id}/content",
    response_model=None,
    response_class=RedirectResponse,
    status_code=status.HTTP_307_TEMPORARY_REDIRECT,
    summary="Download the content of a file, by a redirect to the file server",
    responses=responses(*READER_ERRORS, 404, 409, 422, 503),
)
async def download(file_id: uuid.UUID, owner_id: OwnerId, session: DbSession) -> RedirectResponse:
    service = FileService(session)
    return RedirectResponse(await service.get_url(owner_id, file_id))


@router.delete(
    "/{file_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a file",
    responses=responses(*OWNER_ERRORS, 404, 409, 422),
)
async def delete(file_id: uuid.UUID, owner_id: OwnerId, session: DbSession) -> None:
    service = FileService(session)
    await service.delete(owner_id, file_id)
