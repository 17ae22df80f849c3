"""Files, over the API, a real database and a real S3 server."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import string
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx2
import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import ClientDisconnect

from app.db.base import Base, utc_now
from app.infrastructure import storage
from app.infrastructure.settings import get_settings
from app.modules.files.models import File
from app.modules.files.schemas import FileUpload
from app.modules.files.service import FileService, UploadInterruptedError
from app.purge import purge as purge_rows
from app.purge_files import purge
from dev.s3 import serve
from tests.api import JSON, assert_problem, json_name, rows_of
from tests.storage import CONTENT, URL, announce, body_of, fetch, object_names, once, send, upload

PLAIN = {*string.ascii_letters, *string.digits, *" ._-"}
OWNER = uuid.UUID(int=1)
UNKNOWN = f"{URL}/{uuid.uuid4()}"


@pytest_asyncio.fixture(autouse=True)
async def nothing_stored(session: AsyncSession) -> None:
    """Begin without objects, and without the files of samples."""
    await storage.remove(*await object_names())
    await session.execute(sa.delete(File))
    await session.commit()


async def assert_nothing_kept(client: httpx2.AsyncClient) -> None:
    assert rows_of((await client.get(URL)).json()) == []
    assert await object_names() == set()


async def test_uploaded_file_can_be_downloaded(client: httpx2.AsyncClient) -> None:
    created = await upload(client, content_type="text/plain; charset=utf-8")

    assert created.status_code == 201, created.text
    file = created.json()
    assert {key: file[json_name(key)] for key in body_of(CONTENT)} == body_of(CONTENT)
    assert file["state"] == "stored"
    assert (await client.get(f"{URL}/{file['id']}")).json() == file
    assert rows_of((await client.get(URL)).json()) == [file]
    assert (await fetch(client, file)).content == CONTENT


async def test_file_of_several_parts_is_stored_whole(client: httpx2.AsyncClient) -> None:
    content = b"0123456789abcdef" * 2**16 * 12  # more than two parts of an upload

    for sent in (content, once(content)):  # of a known and of an unknown size
        created = await upload(client, sent, sha256=body_of(content)["sha256"])

        assert created.json()["size"] == len(content)
        assert (await fetch(client, created.json())).content == content


async def test_file_that_a_client_uploads_by_itself_is_stored_when_confirmed(
    client: httpx2.AsyncClient,
) -> None:
    file = await announce(client)
    assert file["state"] == "pending"
    assert_problem(await client.get(f"{URL}/{file['id']}/content"), 409)
    assert_problem(await client.post(f"{URL}/{file['id']}/confirm"), 409)

    sent = await send(file)
    confirmed = await client.post(f"{URL}/{file['id']}/confirm")

    assert sent.status_code == 200, sent.text
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["state"] == "stored"
    assert (await client.post(f"{URL}/{file['id']}/confirm")).json() == confirmed.json()
    assert (await fetch(client, file)).content == CONTENT


async def test_confirmed_file_cannot_be_replaced_with_its_url(client: httpx2.AsyncClient) -> None:
    file = await announce(client)
    await send(file)
    await client.post(f"{URL}/{file['id']}/confirm")

    await send(file, CONTENT[::-1])

    assert (await fetch(client, file)).content == CONTENT


async def test_content_with_another_checksum_is_removed(client: httpx2.AsyncClient) -> None:
    file = await announce(client)
    await send(file, CONTENT[::-1])

    assert_problem(await client.post(f"{URL}/{file['id']}/confirm"), 422, "sha256")

    await assert_nothing_kept(client)
    assert_problem(await client.post(f"{URL}/{file['id']}/confirm"), 404)


@pytest.mark.parametrize(
    ("field", "value"), [("size", len(CONTENT) - 1), ("content_type", "image/png")]
)
async def test_content_that_another_request_put_there_is_removed(
    client: httpx2.AsyncClient, session: AsyncSession, field: str, value: object
) -> None:
    file = await announce(client, **{field: value})
    name = await upload_name(session, file)
    await storage.upload(name, "text/plain", once(CONTENT))

    assert_problem(await client.post(f"{URL}/{file['id']}/confirm"), 422, json_name(field))

    await assert_nothing_kept(client)


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (CONTENT + b"!", {"Content-Length": str(len(CONTENT) + 1)}),
        (CONTENT, {"Content-Type": "a/b"}),
    ],
)
async def test_url_of_an_upload_accepts_nothing_else(
    client: httpx2.AsyncClient, content: bytes, headers: dict[str, str]
) -> None:
    sent = await send(await announce(client), content, **headers)

    assert sent.status_code == 403
    assert await object_names() == set()


async def test_expired_url_accepts_nothing(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "utc_now", lambda: utc_now() - dt.timedelta(hours=1))

    assert (await send(await announce(client))).status_code >= 400
    assert await object_names() == set()


async def test_expired_url_reads_nothing(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = (await upload(client)).json()
    monkeypatch.setattr(storage, "utc_now", lambda: utc_now() - dt.timedelta(hours=1))

    assert (await fetch(client, file)).status_code >= 400


async def test_upload_that_is_too_large_is_refused(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "max_upload_bytes", 8)

    assert_problem(await upload(client), 413)
    assert_problem(await upload(client, once(CONTENT)), 413)
    assert_problem(await client.post(URL, json=body_of(CONTENT)), 413, "size")
    await assert_nothing_kept(client)


async def test_upload_larger_than_other_bodies_is_accepted(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"x" * (get_settings().max_body_bytes + 1)

    assert (await upload(client, content)).status_code == 201


async def test_upload_that_is_wrong_leaves_nothing(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "upload_types", ("text/plain",))

    assert_problem(await upload(client, b""), 422, "size")
    assert_problem(await upload(client, sha256="0" * 64), 422, "sha256")
    refused = await upload(client, content_type="image/png")
    assert_problem(refused, 422, json_name("content_type"))
    assert_problem(await upload(client, content_type="text"), 422, "content_type")
    refused = await client.post(URL, json=body_of(CONTENT, "image/png"))
    assert_problem(refused, 422, json_name("content_type"))
    await assert_nothing_kept(client)


@pytest.mark.parametrize("size", [None, 100])
async def test_upload_that_ends_in_the_middle_leaves_nothing(
    client: httpx2.AsyncClient, session: AsyncSession, size: int | None
) -> None:
    service, data = FileService(session), FileUpload(name="words.txt")

    with pytest.raises(UploadInterruptedError):
        await service.upload(OWNER, data, "text/plain", interrupted(), size)

    await assert_nothing_kept(client)
    assert await session.scalar(sa.select(File.is_deleted).filter_by(owner_id=OWNER))


async def test_upload_that_takes_too_long_is_ended(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "upload_seconds", 0.1)

    assert_problem(await upload(client, endless()), 408)

    await assert_nothing_kept(client)


async def test_uploads_beyond_the_limit_are_refused(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "max_uploads", 1)
    storage.get_slots.cache_clear()
    async with storage.get_slots():
        refused = await upload(client)
    storage.get_slots.cache_clear()

    assert_problem(refused, 503)
    assert refused.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    "name",
    [
        "a b.txt",
        'a"; filename=b.txt',
        "../../b.txt",
        "..\\b.txt",
        "café ☕.txt",
        "a%0d%0ab",
        "'",
        ".",
    ],
)
async def test_any_name_is_safe_in_the_header_of_a_download(
    client: httpx2.AsyncClient, name: str
) -> None:
    file = (await upload(client, name=name)).json()

    header = (await fetch(client, file)).headers["content-disposition"]

    assert file["name"] == name
    assert header.isascii()
    disposition, plain, encoded = header.split("; ")
    assert disposition == "attachment"
    assert set(plain.removeprefix("filename=").strip('"')) <= PLAIN
    decoded = unquote(encoded.removeprefix("filename*=UTF-8''"))
    assert decoded == name.replace("/", "_").replace("\\", "_")


async def test_deleted_file_is_removed_from_the_server(client: httpx2.AsyncClient) -> None:
    file = (await upload(client)).json()

    assert (await client.delete(f"{URL}/{file['id']}")).status_code == 204

    await assert_nothing_kept(client)
    assert_problem(await client.get(f"{URL}/{file['id']}/content"), 404)


async def test_unknown_file_returns_404(client: httpx2.AsyncClient) -> None:
    assert_problem(await client.get(UNKNOWN), 404)
    assert_problem(await client.get(f"{UNKNOWN}/content"), 404)
    assert_problem(await client.post(f"{UNKNOWN}/confirm"), 404)
    assert_problem(await client.delete(UNKNOWN), 404)


async def test_purge_removes_what_was_never_confirmed(
    client: httpx2.AsyncClient, sessions: async_sessionmaker[AsyncSession]
) -> None:
    file = await announce(client)
    await send(file)
    kept = (await upload(client)).json()

    assert await purge(sessions, utc_now() - dt.timedelta(days=1)) == 0
    assert await purge(sessions, utc_now()) == 1
    assert await purge(sessions, utc_now()) == 0

    assert rows_of((await client.get(URL)).json()) == [kept]
    assert len(await object_names()) == 1


async def test_file_that_is_deleted_during_its_upload_leaves_no_object(
    client: httpx2.AsyncClient, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield CONTENT
        [file] = rows_of((await client.get(URL)).json())
        assert (await client.delete(f"{URL}/{file['id']}")).status_code == 204
        assert await purge(sessions, utc_now() - dt.timedelta(days=1)) == 0

    assert_problem(await upload(client, parts()), 404)

    await assert_nothing_kept(client)


async def test_deleted_row_is_kept_until_its_object_is_removed(
    client: httpx2.AsyncClient, sessions: async_sessionmaker[AsyncSession]
) -> None:
    file = (await upload(client)).json()
    await client.delete(f"{URL}/{file['id']}")

    assert "files" not in await purge_rows(sessions, Base.metadata, utc_now())
    assert await purge(sessions, utc_now()) == 1
    assert (await purge_rows(sessions, Base.metadata, utc_now()))["files"] == 1


async def test_requests_that_need_the_server_are_answered_with_503_without_it(
    client: httpx2.AsyncClient, server: Callable[[], None]
) -> None:
    stored, pending = (await upload(client)).json(), await announce(client)
    server()

    for refused in [
        await upload(client),
        await client.post(f"{URL}/{pending['id']}/confirm"),
        await client.get(f"{URL}/{stored['id']}/content"),
        await client.get("/health/ready"),
    ]:
        assert_problem(refused, 503)
        assert refused.json()["code"] == "storage_down"
        assert refused.headers["retry-after"] == "5"
    assert (await client.delete(f"{URL}/{stored['id']}")).status_code == 204
    del pending["upload"]
    assert rows_of((await client.get(URL)).json()) == [pending]


async def test_object_that_a_dead_server_kept_is_purged(
    client: httpx2.AsyncClient,
    sessions: async_sessionmaker[AsyncSession],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = (await upload(client)).json()
    with monkeypatch.context() as patch:
        patch.setattr(get_settings(), "s3_endpoint", "http://127.0.0.1:1")
        storage.get_store.cache_clear()
        assert (await client.delete(f"{URL}/{file['id']}")).status_code == 204
    storage.get_store.cache_clear()
    assert len(await object_names()) == 1

    assert await purge(sessions, utc_now() - dt.timedelta(days=1)) == 1

    assert await object_names() == set()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A server of this test, which the test can kill."""
    storage.get_store.cache_clear()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for name, value in stack.enter_context(serve(Path(folder))).items():
            secret = name == "S3_SECRET_ACCESS_KEY"
            monkeypatch.setattr(get_settings(), name.lower(), SecretStr(value) if secret else value)
        yield stack.close
    storage.get_store.cache_clear()


async def upload_name(session: AsyncSession, file: JSON) -> str:
    """Return the name of the object of a direct upload."""
    row = await session.get(File, uuid.UUID(file["id"]))
    assert row is not None
    return row.upload_name


async def interrupted() -> AsyncIterator[bytes]:
    yield CONTENT
    raise ClientDisconnect


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield CONTENT
        await asyncio.sleep(0.01)
