"""Contract of fields that hold a file in rows without an owner, which users write."""

from __future__ import annotations

import uuid

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.db.base import utc_now
from app.modules.files.models import File
from app.modules.users.models import User
from app.purge_files import MAX_PENDING, purge
from tests.api import assert_problem
from tests.contract.base import Contract
from tests.modules.users.factory import signed_in
from tests.storage import upload


class UploaderContract(Contract):
    """A row holds a file of the user who writes it, even when that user is deleted."""

    async def test_row_holds_a_file_of_its_writer_alone(
        self,
        client: httpx2.AsyncClient,
        session: AsyncSession,
        sessions: async_sessionmaker[AsyncSession],
        file_field: str,
    ) -> None:
        case = self.case
        column = case.table.c[case.attribute(file_field)]
        uploaded = await upload(client, b"x", column.info["media_types"][0])
        file_id = uploaded.json()["id"]
        body = await case.body(client, 0) | {file_field: file_id}
        bob = await signed_in(client, "bob")

        assert_problem(await client.post(case.url, json=body, headers=bob), 422, file_field)
        row = await case.create(client, body)

        assert row[file_field] == file_id
        in_use = await client.delete(f"/api/v1/files/{file_id}")
        assert_problem(in_use, 409)
        await session.execute(sa.update(User).values(is_deleted=True))
        await session.commit()
        assert await purge(sessions, utc_now() - MAX_PENDING) == 0
        await session.execute(sa.delete(case.model))
        await session.commit()
        assert await purge(sessions, utc_now() - MAX_PENDING) == 1
        file = await session.get_one(File, uuid.UUID(file_id))
        assert file.state == "removed"
