"""Files that rows hold, for the routes of their modules."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Depends
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import DbSession
from app.infrastructure.attachments import UPLOADER
from app.infrastructure.owner import OwnerId
from app.modules.files.service import FileService


async def get_uploader_id(user_id: OwnerId, session: DbSession) -> uuid.UUID | None:
    """Return the user of the request, whose files the rows that it writes can hold."""
    session.info[UPLOADER] = user_id
    return user_id


UploaderId = Annotated[uuid.UUID, Depends(get_uploader_id)]


async def redirect_to(session: AsyncSession, file_id: uuid.UUID | None) -> RedirectResponse:
    """Return a redirect to the content of a file that a row holds. Readers of the row can read it."""
    return RedirectResponse(await FileService(session).get_attached_url(file_id))
