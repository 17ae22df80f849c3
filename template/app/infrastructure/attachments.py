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
# What a session knows of the user who writes rows without an owner.
UPLOADER = "uploader_id"


@event.listens_for(Session, "before_flush")
def _require_accepted_files(session: Session, *_: object) -> None:
    for row in [*session.new, *session.dirty]:
        for column in file_columns(row.__table__):
            added = sa.inspect(row).attrs[column.key].history.added
            file_id = getattr(row, column.key)
            if file_id is not None and (added or is_restored(row)):
                statement = stored_file(file_id)
                if added:
                    statement = statement.where(is_usable(session, row))
                require_accepted(session.scalar(statement), column)


def file_columns(table: sa.Table) -> Iterator[sa.Column[Any]]:
    """Yield the columns that hold a file. Their `info` says which files they accept."""
    return (column for column in table.c if "media_types" in column.info)


def is_restored(row: Any) -> bool:
    """Return whether a deletion is taken back: files can have been deleted in the meantime."""
    deletion = sa.inspect(row).attrs.get("is_deleted")
    return deletion is not None and deletion.history.deleted == [True]


def is_usable(session: Session, row: Any) -> sa.ColumnElement[bool]:
    """Return whether a row can begin to hold a file: that of its owner.

    A row without an owner can hold those of the user who writes it, and of the service itself.
    """
    if owner := owner_column(row.__table__):
        return File.owner_id.is_not_distinct_from(getattr(row, owner))
    return sa.or_(File.owner_id.is_(None), File.owner_id == session.info.get(UPLOADER))


def stored_file(file_id: uuid.UUID) -> sa.Select[File]:
    """Select a file, and lock it, so that it is not deleted at the same time."""
    statement = sa.select(File).filter_by(id=file_id, state="stored", is_deleted=False)
    return statement.with_for_update(read=True)


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


def holders(
    file_id: sa.SQLColumnExpression[uuid.UUID] | uuid.UUID,
) -> Iterator[sa.Select[uuid.UUID]]:
    """Select the rows that hold a file, with one statement for each field."""
    for table in Base.metadata.tables.values():
        for column in file_columns(table):
            rows = sa.select(table.c.id).where(column == file_id)
            yield rows.where(sa.not_(table.c.is_deleted)) if "is_deleted" in table.c else rows


async def require_unattached(session: AsyncSession, file_id: uuid.UUID) -> None:
    """Raise 409 if a row holds the file."""
    for rows in holders(file_id):
        if await session.scalar(rows.limit(1)) is not None:
            raise ConflictError(ERROR_IN_USE, code="in_use")
