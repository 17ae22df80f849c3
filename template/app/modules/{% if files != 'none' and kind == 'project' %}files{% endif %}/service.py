"""File business logic."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import re
import uuid
from collections.abc import AsyncIterator
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from app.common.errors import ApiError, ConflictError, NotFoundError, UnprocessableError
from app.common.schemas import Page
from app.db.base import utc_now
from app.infrastructure import storage
from app.infrastructure.after_commit import after_commit
from app.infrastructure.attachments import require_unattached
from app.infrastructure.settings import get_settings
from app.modules.files.models import File
from app.modules.files.repository import FileRepository
from app.modules.files.schemas import (
    ContentType,
    DirectUpload,
    FileCreate,
    FileCreated,
    FileQuery,
    FileRead,
    FileUpload,
    OwnerKind,
)

ERROR_NOT_FOUND = "There is no file with this id"
ERROR_NOT_ATTACHED = "The row has no file here"
ERROR_NOT_STORED = "The content of the file has not been confirmed"
ERROR_NOT_UPLOADED = "The content has not been uploaded; upload it, then confirm again"
ERROR_INTERRUPTED = "The upload ended too early"
ERROR_EMPTY = "The file has no content"
ERROR_TYPE = "Files of this type are not accepted"
ERROR_TOO_LARGE = "The file is larger than {limit} bytes"
ERROR_MISMATCH = "The content has another {field} than the file; upload it as a new file"


class FileTooLargeError(ApiError):
    status = 413
    code = "content_too_large"


class UploadInterruptedError(ApiError):
    status = 400
    code = "upload_interrupted"


class FileService:
    """Files of users, or with `owner_kind="project"` of projects."""

    def __init__(self, session: AsyncSession, owner_kind: OwnerKind = "user") -> None:
        self._session = session
        self._owner_kind = owner_kind
        self._repository = FileRepository(session)

    async def create(self, owner_id: uuid.UUID | None, data: FileCreate) -> FileCreated:
        """Create a file, and return the request with which the client uploads its content."""
        limit = get_settings().max_upload_bytes
        if data.size > limit:
            raise FileTooLargeError(ERROR_TOO_LARGE.format(limit=limit), "size")
        require_accepted_type(data.content_type)
        file = File(owner_id=owner_id, owner_kind=self._owner_kind, **data.model_dump())
        await self._repository.save(file)
        upload = presign_upload(file.upload_name, data)
        return FileCreated(**FileRead.model_validate(file).model_dump(), upload=upload)

    async def upload(
        self,
        owner_id: uuid.UUID | None,
        data: FileUpload,
        content_type: ContentType,
        parts: AsyncIterator[bytes],
        size: int | None = None,
    ) -> FileRead:
        """Store a stream, which needs less memory if its size is known, as a new file.

        If anything is wrong with it, nothing is kept.
        """
        require_accepted_type(content_type)
        file = File(
            owner_id=owner_id,
            owner_kind=self._owner_kind,
            name=data.name,
            content_type=content_type,
        )
        await self._repository.save(file)
        await self._session.commit()  # allow(I3): no connection is held during the upload
        content = Content(parts)
        try:
            await storage.upload(file.object_name, content_type, content.read(), size)
            content.require(data.model_dump(exclude_unset=True).get("sha256"))
        except Exception:
            await self._refuse(file)
            raise
        return await self._mark_stored(file, content.size, content.sha256)

    async def confirm(self, owner_id: uuid.UUID | None, file_id: uuid.UUID) -> FileRead:
        """Confirm a direct upload. Content that differs from the announced content is removed."""
        file = await self._get(owner_id, file_id)
        if file.state == "stored":
            return FileRead.model_validate(file)
        # allow(I3): no connection is held during the requests to the server
        await self._session.commit()
        # Its URL could still replace the object that the client has uploaded.
        await storage.move(file.upload_name, file.object_name)
        stored = await storage.find(file.object_name)
        if stored is None:
            raise ConflictError(ERROR_NOT_UPLOADED, code="not_uploaded")
        if wrong := await find_mismatch(file, stored):
            await self._refuse(file)
            raise UnprocessableError(ERROR_MISMATCH.format(field=wrong), wrong, code="mismatch")
        return await self._mark_stored(file, stored.size, str(file.sha256))

    async def get(self, owner_id: uuid.UUID | None, file_id: uuid.UUID) -> FileRead:
        return FileRead.model_validate(await self._get(owner_id, file_id))

    async def list_page(self, owner_id: uuid.UUID | None, query: FileQuery) -> Page[FileRead]:
        rows = await self._repository.list_page(owner_id, query)
        return Page[FileRead].model_validate(rows)

    async def get_url(self, owner_id: uuid.UUID | None, file_id: uuid.UUID) -> str:
        """Return a URL that downloads the content for a short time."""
        return await self._get_url(await self._get(owner_id, file_id))

    async def get_attached_url(self, file_id: uuid.UUID | None) -> str:
        """Return such a URL for the file that a row holds: its readers can read the file, too."""
        file = await self._repository.get_of_anyone(file_id) if file_id else None
        if file is None:
            raise NotFoundError(ERROR_NOT_ATTACHED)
        return await self._get_url(file)

    async def delete(self, owner_id: uuid.UUID | None, file_id: uuid.UUID) -> None:
        """Soft-delete the file, unless rows hold it. Its object is removed after the commit."""
        file = await self._repository.lock(owner_id, file_id)
        if file is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        await require_unattached(self._session, file.id)
        file.is_deleted = True
        await self._repository.save(file)
        after_commit(self._session, remove_objects, file)

    async def _get_url(self, file: File) -> str:
        await self._session.commit()  # allow(I3): as in `confirm`
        if file.state != "stored":
            raise ConflictError(ERROR_NOT_STORED, code="not_stored")
        if await storage.find(file.object_name) is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        query = {
            "response-content-disposition": disposition(file.name),
            "response-content-type": file.content_type,
        }
        return storage.presign(
            "GET", file.object_name, get_settings().download_url_seconds, query=query
        )

    async def _mark_stored(self, file: File, size: int, sha256: str) -> FileRead:
        stored = await self._repository.mark_stored(file, size, sha256)
        stored = stored or await self._repository.get(file.owner_id, file.id)
        if stored is None:  # it was deleted during the upload
            await remove_objects([file])
            raise NotFoundError(ERROR_NOT_FOUND)
        return FileRead.model_validate(stored)

    async def _refuse(self, file: File) -> None:
        """Delete the file even though the request fails."""
        file.is_deleted = True
        await self._repository.save(file)
        await self._session.commit()  # allow(I3): the error that follows would roll it back
        await remove_objects([file])

    async def _get(self, owner_id: uuid.UUID | None, file_id: uuid.UUID) -> File:
        file = await self._repository.get(owner_id, file_id)
        if file is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        return file


class Content:
    """A stream that is measured while it is read."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def read(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._parts:
                self.size += len(part)
                self._digest.update(part)
                yield part
        except ClientDisconnect as error:
            raise UploadInterruptedError(ERROR_INTERRUPTED) from error

    def require(self, sha256: str | None) -> None:
        """Raise 422 if the stream was empty, or other content than the client has announced."""
        if not self.size:
            raise UnprocessableError(ERROR_EMPTY, "size", code="empty")
        if sha256 is not None and sha256 != self.sha256:
            raise UnprocessableError(
                ERROR_MISMATCH.format(field="sha256"), "sha256", code="mismatch"
            )


def require_accepted_type(content_type: str) -> None:
    """Raise 422 if the settings do not allow the type."""
    accepted = get_settings().upload_types
    if accepted and content_type not in accepted:
        raise UnprocessableError(ERROR_TYPE, "content_type", code="type_not_accepted")


def presign_upload(name: str, data: FileCreate) -> DirectUpload:
    """Return the request that uploads exactly this content."""
    seconds = get_settings().upload_url_seconds
    headers = {
        "Content-Type": data.content_type,
        "Content-Length": str(data.size),
        "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(data.sha256)).decode(),
    }
    return DirectUpload(
        url=storage.presign("PUT", name, seconds, headers),
        headers=headers,
        expires_at=utc_now() + dt.timedelta(seconds=seconds),
    )


async def find_mismatch(file: File, found: storage.StoredObject) -> str | None:
    """Return which value of the file its object does not have."""
    if found.size != file.size:
        return "size"
    if found.content_type != file.content_type:
        return "content_type"
    if get_settings().s3_verifies_checksums:
        return None
    return "sha256" if await storage.checksum(file.object_name) != file.sha256 else None


async def remove_objects(files: list[File]) -> None:
    """Remove the objects of deleted files. The purge removes those that cannot be removed now."""
    with contextlib.suppress(storage.StorageDownError):
        for file in files:
            await storage.remove(file.object_name, file.upload_name)


def disposition(name: str) -> str:
    """Return a `Content-Disposition` for any name: RFC 6266, with a plain name for old clients."""
    name = re.sub(r"[/\\]", "_", name)
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
