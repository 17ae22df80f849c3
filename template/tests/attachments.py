"""Files for the fields of all modules that hold one."""

from __future__ import annotations

import uuid
from typing import Any

import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

import app.modules  # noqa: F401  # the models of all modules
from app.db.base import Base, owner_column
from app.infrastructure.attachments import file_columns
from app.modules.files.models import File
from tests.api import JSON

# The identifiers of samples are made from what a field accepts.
NAMESPACE = uuid.UUID("20851c88-ac15-449f-9ee7-74829105da86")
# The user or the project that owns the rows of tests.
OWNER = uuid.UUID("01900000-0000-7000-8000-000000000001")


def sample_files(column: sa.Column[Any]) -> list[JSON]:
    """Return two files that a column accepts."""
    media_type, limit = column.info["media_types"][0], column.info["max_bytes"]
    owner = owner_column(column.table)
    return [
        {
            "id": uuid.uuid5(NAMESPACE, f"{media_type} {limit} {which}{owner}"),
            "owner_id": OWNER if owner else None,
            "owner_kind": "project" if owner == "project_id" else "user",
            "name": f"sample {which}",
            "content_type": media_type,
            "size": limit or 1,
            "sha256": "0" * 64,
            "state": "stored",
        }
        for which in range(2)
    ]


@pytest_asyncio.fixture(scope="session", autouse=True)
async def stored_samples(engine: AsyncEngine) -> None:
    """Store the files of all samples, once for all tests."""
    columns = [column for table in Base.metadata.tables.values() for column in file_columns(table)]
    rows = {row["id"]: row for column in columns for row in sample_files(column)}
    if rows:
        async with engine.begin() as connection:
            await connection.execute(sa.insert(File), list(rows.values()))
