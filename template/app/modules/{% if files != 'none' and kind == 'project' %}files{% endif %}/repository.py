"""File queries. Deleted rows are excluded."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.keyset import Columns, Rows, fetch_page, where_matches
from app.modules.files.models import File
from app.modules.files.schemas import FileQuery

FILTERS: Columns = {"content_type": File.content_type, "state": File.state}


class FileRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, owner_id: uuid.UUID | None, file_id: uuid.UUID) -> File | None:
        return await self._session.scalar(self._live(owner_id).filter_by(id=file_id))

    async def get_of_anyone(self, file_id: uuid.UUID) -> File | None:
        return await self._session.scalar(sa.select(File).filter_by(id=file_id, is_deleted=False))

    async def lock(self, owner_id: uuid.UUID | None, file_id: uuid.UUID) -> File | None:
        """Lock the file until the commit, so that no row can begin to hold it."""
        statement = self._live(owner_id).filter_by(id=file_id).with_for_update()
        return await self._session.scalar(statement)

    async def list_page(self, owner_id: uuid.UUID | None, query: FileQuery) -> Rows[File]:
        statement = where_matches(self._live(owner_id), FILTERS, query)
        return await fetch_page(self._session, statement, query.sort, query)

    async def save(self, file: File) -> None:
        self._session.add(file)
        await self._session.flush()

    async def mark_stored(self, file: File, size: int, sha256: str) -> File | None:
        """Move a file from `pending` to `stored`. Return None if it is no longer pending."""
        statement = sa.update(File).where(
            File.id == file.id, File.state == "pending", sa.not_(File.is_deleted)
        )
        return await self._session.scalar(
            statement.values(state="stored", size=size, sha256=sha256).returning(File),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )

    def _live(self, owner_id: uuid.UUID | None) -> sa.Select[File]:
        return sa.select(File).filter_by(owner_id=owner_id, is_deleted=False)
