"""Objects on the file server, and requests to it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import httpx2
import obstore

from app.infrastructure.storage import get_store
from app.infrastructure.tls import get_tls
from tests.api import JSON, create

URL = "/api/v1/files"
CONTENT = b"four words of text"


def body_of(content: bytes, content_type: str = "text/plain", name: str = "words.txt") -> JSON:
    """Return the body that announces a file with this content."""
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "content_type": content_type, "size": len(content), "sha256": digest}


async def announce(client: httpx2.AsyncClient, **changes: object) -> JSON:
    """Create a file that the client is going to upload."""
    return await create(client, URL, {**body_of(CONTENT), **changes})


async def send(file: JSON, content: bytes = CONTENT, **headers: str) -> httpx2.Response:
    """Upload content directly to the file server, with changes of the headers."""
    request = file["upload"]
    async with httpx2.AsyncClient(verify=get_tls()) as outside:
        return await outside.request(
            request["method"], request["url"], content=content, headers=request["headers"] | headers
        )


async def upload(
    client: httpx2.AsyncClient,
    content: bytes | AsyncIterator[bytes] = CONTENT,
    content_type: str = "text/plain",
    **query: str,
) -> httpx2.Response:
    """Upload content through the API."""
    return await client.post(
        f"{URL}/upload",
        params={"name": "words.txt", **query},
        content=content,
        headers={"Content-Type": content_type},
    )


async def fetch(client: httpx2.AsyncClient, file: JSON) -> httpx2.Response:
    """Download a file from where the API redirects to."""
    redirect = await client.get(f"{URL}/{file['id']}/content")
    assert redirect.status_code == 307, redirect.text
    async with httpx2.AsyncClient(verify=get_tls()) as outside:
        return await outside.get(redirect.headers["location"])


async def once(content: bytes) -> AsyncIterator[bytes]:
    """Give content as a stream of unknown size."""
    yield content


async def object_names() -> set[str]:
    """Return the names of all objects."""
    return {found["path"] for found in await obstore.list(get_store()).collect_async()}
