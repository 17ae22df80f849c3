"""A client of the example coffee, in the environment of the service: `coffee_client.py URL HOOK`.

It uploads a recording, has it transcribed and captioned, follows both jobs to the end over a
WebSocket and over server-sent events, downloads the captions, and prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from websockets.asyncio.client import connect

SIZE = 50 * 1024 * 1024
PART = bytes(range(256)) * 4096
API = "/api/v1"
ACCOUNT = {"email": "ann@example.com", "name": "Ann", "password": "correct horse battery"}


async def recording() -> AsyncIterator[bytes]:
    """Yield the content of the recording, which is never in memory as a whole."""
    for _ in range(SIZE // len(PART)):
        yield PART


async def sign_in(client: httpx2.AsyncClient) -> None:
    """Register, and send every request as the new user."""
    (await client.post(f"{API}/users", json=ACCOUNT)).raise_for_status()
    form = {"username": ACCOUNT["email"], "password": ACCOUNT["password"]}
    token = (await client.post(f"{API}/auth/token", data=form)).raise_for_status().json()
    client.headers["Authorization"] = f"Bearer {token['access_token']}"


async def post(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """Send a request that must succeed, and return what it answers."""
    answer = await client.post(f"{API}{path}", json=body)
    assert answer.status_code < 300, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def upload(client: httpx2.AsyncClient) -> dict[str, Any]:
    """Upload the recording as a stream."""
    digest = hashlib.sha256(PART * (SIZE // len(PART))).hexdigest()
    answer = await client.post(
        f"{API}/files/upload",
        params={"name": "talk.wav", "sha256": digest},
        headers={"Content-Type": "audio/wav"},
        content=recording(),
    )
    assert answer.status_code == 201, answer.text
    file: dict[str, Any] = answer.json()
    assert (file["size"], file["sha256"], file["state"]) == (SIZE, digest, "stored")
    return file


async def socket_states(url: str, headers: dict[str, str], ready: asyncio.Event) -> list[Any]:
    """Return the states of a job as a WebSocket tells them."""
    states: list[Any] = []
    async with connect(url.replace("http", "ws"), additional_headers=headers) as socket:
        ready.set()
        async for message in socket:
            event = json.loads(message)
            if event["event"] == "jobs.updated":
                states.append([event["data"]["status"], event["data"]["progress"]])
                if event["data"]["status"] in ("succeeded", "failed"):
                    break
    return states


async def stream_states(client: httpx2.AsyncClient, ready: asyncio.Event) -> list[Any]:
    """Return the states of a job as server-sent events tell them."""
    states: list[Any] = []
    name = ""
    async with client.stream(
        "GET", f"{API}/users/me/events", timeout=None
    ) as response:  # it stays open
        async for line in response.aiter_lines():
            ready.set()
            key, _, value = line.partition(": ")
            name = value if key == "event" else name
            if key == "data" and name == "jobs.updated":
                data = json.loads(value)
                states.append([data["status"], data["progress"]])
                if data["status"] in ("succeeded", "failed"):
                    break
    return states


async def follow(client: httpx2.AsyncClient, path: str, **body: Any) -> tuple[list[Any], list[Any]]:
    """Start a task, and return the states of its job as both streams tell them."""
    headers = {"Authorization": client.headers["Authorization"]}
    ready = [asyncio.Event(), asyncio.Event()]
    url = f"{str(client.base_url).rstrip('/')}{API}/users/me/events"
    socket = asyncio.create_task(socket_states(url, headers, ready[0]))
    stream = asyncio.create_task(stream_states(client, ready[1]))
    async with asyncio.timeout(10):
        await asyncio.gather(*(event.wait() for event in ready))
    job = await post(client, path, **body)
    assert job["status"] == "queued"
    async with asyncio.timeout(60):
        return await socket, await stream


async def main(url: str, hook: str) -> None:
    """Do all of it."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        await sign_in(client)
        await post(client, "/webhooks", url=hook)
        file = await upload(client)
        media = await post(client, "/media", title="Talk", kind="audio", recording_id=file["id"])
        transcribed = await follow(client, f"/media/{media['id']}/transcribe", language="en")
        page = (await client.get(f"{API}/transcription")).json()
        [transcription] = page["items"]
        caption = await post(client, "/captions", transcription_id=transcription["id"])
        rendered = await follow(client, f"/captions/{caption['id']}/render")
        caption = (await client.get(f"{API}/captions/{caption['id']}")).json()
        content = await client.get(
            f"{API}/files/{caption['rendered_id']}/content", follow_redirects=True
        )
        shown = {
            "text": transcription["text"],
            "transcribed": transcribed,
            "rendered": rendered,
            "content": content.text,
        }
        sys.stdout.write(json.dumps(shown))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
