"""Fields that hold a file. A new file is checked when its row is written."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.common.errors import ERROR_IN_USE, ConflictError, UnprocessableError
from app.db.base import Base, owner_column
from app.modules.files.models import File

ERROR_UNKNOWN = "There is no stored file with this id"
ERROR_TYPE = "The file must be one of: {types}"
ERROR_TOO_LARGE = "The file is larger than {limit} bytes"


@event.listens_for(Session, "before_flush")
def _require_accepted_files(session: Session, *_: object) -> None:
    for row in [*session.new, *session.dirty]:
        for column in file_columns(row.__table__):
            added = sa.inspect(row).attrs[column.key].history.added
            if added and added[0] is not None:
                file = session.scalar(stored_file(owner_of(row), added[0]))
                require_accepted(file, column)


def file_columns(table: sa.Table) -> Iterator[sa.Column[Any]]:
    """Yield the columns that hold a file. Their `info` says which files they accept."""
    return (column for column in table.c if "media_types" in column.info)


def owner_of(row: Any) -> uuid.UUID | None:
    """Return the owner of a row, or None for rows without one."""
    owner = owner_column(row.__table__)
    return getattr(row, owner) if owner else None


def stored_file(owner_id: uuid.UUID | None, file_id: uuid.UUID) -> sa.Select[File]:
    """Select a file of an owner, and lock it, so that it is not deleted at the same time."""
    statement = sa.select(File).filter_by(owner_id=owner_id, state="stored", is_deleted=False)
    return statement.filter_by(id=file_id).with_for_update(read=True)


def require_accepted(file: File | None, column: sa.Column[Any]) -> None:
    """Raise 422 if the column does not accept the file."""
    media_types, limit = column.info["media_types"], column.info["max_bytes"]
    if file is None:
        raise UnprocessableError(ERROR_UNKNOWN, column.key, code="unknown_reference")
    if file.content_type not in media_types:
        message = ERROR_TYPE.format(types=", ".join(media_types))
        raise UnprocessableError(message, column.key, code="type_not_accepted")
    if limit is not None and (file.size or 0) > limit:
        message = ERROR_TOO_LARGE.format(limit=limit)
        raise UnprocessableError(message, column.key, code="file_too_large")


async def require_unattached(session: AsyncSession, file_id: uuid.UUID) -> None:
    """Raise 409 if a row holds the file."""
    for table in Base.metadata.tables.values():
        for column in file_columns(table):
            rows = sa.select(table.c.id).where(column == file_id)
            if "is_deleted" in table.c:
                rows = rows.where(sa.not_(table.c.is_deleted))
            if await session.scalar(rows.limit(1)) is not None:
                raise ConflictError(ERROR_IN_USE, code="in_use")
