"""Contracts of fields that hold a file."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ConflictError
from app.infrastructure import storage
from app.infrastructure.tls import get_tls
from app.modules.files.models import File
from app.modules.files.service import FileService
from tests.api import assert_problem
from tests.attachments import sample_files
from tests.contract.base import Contract
from tests.storage import CONTENT, once


class FileContract(Contract):
    """A field holds a stored file of the same owner, of an accepted type and size."""

    @pytest.mark.parametrize(
        "change",
        [
            {"owner_id": uuid.UUID(int=99)},
            {"content_type": "x/y"},
            {"size": 10**15},
            {"state": "pending"},
            {"is_deleted": True},
        ],
        ids=str,
    )
    async def test_file_that_is_not_accepted_returns_422(
        self, client: httpx2.AsyncClient, session: AsyncSession, file_field: str, change: Any
    ) -> None:
        case = self.case
        column = case.table.c[case.attribute(file_field)]
        if "size" in change and column.info["max_bytes"] is None:
            pytest.skip("this field accepts files of any size")
        body = await case.body(client, 0)
        row = await case.create(client, body)
        file = File(**{**sample_files(column)[0], "id": uuid.uuid4(), **change})
        session.add(file)
        await session.commit()

        for response in await self.send(client, row, body, {file_field: str(file.id)}):
            assert_problem(response, 422, file_field)

    async def test_file_in_use_is_not_deleted(
        self, client: httpx2.AsyncClient, session: AsyncSession, file_field: str
    ) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        column = case.table.c[case.attribute(file_field)]
        owner, files = sample_files(column)[0]["owner_id"], FileService(session)

        with pytest.raises(ConflictError):
            await files.delete(owner, uuid.UUID(row[file_field]))

        assert await case.delete(client, row) == 204
        await files.delete(owner, uuid.UUID(row[file_field]))


class FileContentContract(Contract):
    """Who reads a row can read its file."""

    async def test_file_is_for_the_readers_of_its_row(
        self, client: httpx2.AsyncClient, session: AsyncSession, file_field: str
    ) -> None:
        case = self.case
        name = case.attribute(file_field)
        row = await case.create(client, await case.body(client, 0))
        url = f"{case.url_of(row)}/{name.removesuffix('_id').replace('_', '-')}/content"
        file = await session.get_one(File, uuid.UUID(row[file_field]))
        await storage.remove(file.object_name)
        assert_problem(await client.get(url), 404)
        await storage.upload(file.object_name, file.content_type, once(CONTENT))

        redirect = await client.get(url)
        anonymous = await client.get(url, headers={"Authorization": ""})

        assert redirect.status_code == 307, redirect.text
        async with httpx2.AsyncClient(verify=get_tls()) as outside:
            assert (await outside.get(redirect.headers["location"])).content == CONTENT
        is_open = case.owner is None and case.access != "user"
        assert anonymous.status_code == (307 if is_open else 401)
        if file_field in case.nullable:
            await case.update(client, row, {file_field: None})
            assert_problem(await client.get(url), 404)
        assert await case.delete(client, row) == 204
        assert_problem(await client.get(url), 404)


class FileRestoreContract(Contract):
    """A row is restored if its files still exist."""

    async def test_row_is_not_restored_without_its_file(
        self, client: httpx2.AsyncClient, session: AsyncSession, file_field: str
    ) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        assert await case.delete(client, row) == 204
        file = await session.get_one(File, uuid.UUID(row[file_field]))
        file.is_deleted = True
        await session.commit()

        assert_problem(await client.post(f"{case.url_of(row)}/restore"), 422, file_field)

        file.is_deleted = False
        await session.commit()
        assert (await client.post(f"{case.url_of(row)}/restore")).status_code == 200
