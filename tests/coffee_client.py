"""A client of the example coffee, in the environment of the service.

`caption URL HOOK SIZE` uploads a recording, has it transcribed and captioned, follows both jobs to
the end over a WebSocket and over server-sent events, downloads the captions, and prints what it saw
as JSON. Connections that break are continued, as a browser does.

`trespass URL AUTHORIZATION` asks for all of that as another user.

`grow URL PID FILES MEGABYTES AT_ONCE` uploads and downloads large files, and watches the memory of
the API.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PART = bytes(range(256)) * 4096
API = "/api/v1"
FILES = f"{API}/files"
PASSWORD = "correct horse battery"
PAUSE = 0.2  # before a request is sent again
# Where the rows are of which paths have ids.
COLLECTIONS = {
    "media_id": "/media",
    "transcription_id": "/transcription",
    "caption_id": "/captions",
    "file_id": "/files",
    "job_id": "/jobs",
    "notification_id": "/notifications",
    "webhook_id": "/webhooks",
    "delivery_id": "/webhooks/{webhook_id}/deliveries",
}
SAMPLE_SECONDS = 0.02
TRACE = uuid.uuid4().hex  # of all requests


async def recording(size: int) -> AsyncIterator[bytes]:
    """Yield the content of the recording, which is never in memory as a whole."""
    for _ in range(size // len(PART)):
        yield PART


async def sign_in(client: httpx2.AsyncClient) -> None:
    """Register, and send every request as the new user."""
    account = {"email": f"{uuid.uuid4()}@example.com", "name": "Ann", "password": PASSWORD}
    (await client.post(f"{API}/users", json=account)).raise_for_status()
    form = {"username": account["email"], "password": PASSWORD}
    token = (await client.post(f"{API}/auth/token", data=form)).raise_for_status().json()
    client.headers["Authorization"] = f"Bearer {token['access_token']}"


async def post(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """Send a request that must succeed, and return what it answers."""
    answer = await client.post(f"{API}{path}", json=body)
    assert answer.status_code < 300, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def upload(client: httpx2.AsyncClient, size: int) -> dict[str, Any]:
    """Upload the recording as a stream."""
    digest = hashlib.sha256()
    async for part in recording(size):
        digest.update(part)
    sha256 = digest.hexdigest()
    answer = await client.post(
        f"{API}/files/upload",
        params={"name": "talk.wav", "sha256": sha256},
        headers={"Content-Type": "audio/wav"},
        content=recording(size),
    )
    assert answer.status_code == 201, answer.text
    file: dict[str, Any] = answer.json()
    assert (file["size"], file["sha256"], file["state"]) == (size, sha256, "stored")
    return file


Job = dict[str, Any]


@dataclass
class Watcher:
    """Follows the jobs of a user over a stream, and continues it when it breaks."""

    client: httpx2.AsyncClient
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    states: list[str] = field(default_factory=list)
    position: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """Say where the stream continues."""
        return {"last_event_id": self.position} if self.position else {}

    async def follow(self, kind: str) -> list[str]:
        """Return the states of a job of this kind until it ends."""
        while True:
            with contextlib.suppress(httpx2.TransportError, WebSocketException, OSError):
                async for event in self.events():
                    self.ready.set()
                    data = event["data"]
                    if event["event"] != "jobs.updated" or data["kind"] != kind:
                        continue
                    self.states.append(f"{data['status']} {data['progress']}")
                    if data["status"] in ("succeeded", "failed"):
                        return self.states
            await asyncio.sleep(PAUSE)

    def events(self) -> AsyncIterator[Job]:
        """Yield the events of a connection."""
        raise NotImplementedError


class SocketWatcher(Watcher):
    """A WebSocket."""

    async def events(self) -> AsyncIterator[Job]:
        url = self.client.base_url.join(f"{API}/users/me/events").copy_with(scheme="ws")
        headers = {"Authorization": self.client.headers["Authorization"]}
        address = str(url.copy_merge_params(self.parameters))
        async with connect(address, additional_headers=headers) as socket:
            async for message in socket:
                event = json.loads(message)
                self.position = event["id"] or self.position
                yield event


class StreamWatcher(Watcher):
    """Server-sent events."""

    async def events(self) -> AsyncIterator[Job]:
        path, endless = f"{API}/users/me/events", httpx2.Timeout(10, read=None)
        opened = self.client.stream("GET", path, params=self.parameters, timeout=endless)
        async with opened as response:
            event: Job = {"event": "", "data": {}}
            async for line in response.aiter_lines():
                key, _, value = line.partition(": ")
                if key == "id":
                    self.position = value
                elif key == "data":
                    event["data"] = json.loads(value)
                elif key == "event":
                    event["event"] = value
                elif not line:
                    yield event
                    event = {"event": "", "data": {}}


async def start(client: httpx2.AsyncClient, path: str, **body: Any) -> Job:
    """Start a task; if there is no answer, send the same request again."""
    headers = {"Idempotency-Key": path}
    while True:
        with contextlib.suppress(httpx2.TransportError):
            answer = await client.post(f"{API}{path}", json=body, headers=headers)
            assert answer.status_code == 202, answer.text
            job: Job = answer.json()
            return job
        await asyncio.sleep(PAUSE)


async def follow(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """Start a task; return the states of its job as each stream tells them, and its attempts."""
    kind = path.rpartition("/")[2]
    watchers = [SocketWatcher(client), StreamWatcher(client)]
    following = [asyncio.create_task(watcher.follow(kind)) for watcher in watchers]
    async with asyncio.timeout(10):
        await asyncio.gather(*(watcher.ready.wait() for watcher in watchers))
    job = await start(client, path, **body)
    _, open_ = await asyncio.wait(following, timeout=60)
    assert not open_, [(watcher.position, watcher.states) for watcher in watchers]
    told = [task.result() for task in following]
    ended = (await client.get(f"{API}/jobs/{job['id']}")).json()
    return {"told": told, "first": job["status"], "attempts": ended["attempts"]}


def memory_of(process: int) -> int:
    """Return the resident memory of a process in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


async def up_and_down(client: httpx2.AsyncClient, megabytes: int) -> None:
    """Upload a file, and download it again."""
    size = megabytes * len(PART)
    headers = {"Content-Type": "audio/wav", "Content-Length": str(size)}
    sent = await client.post(
        f"{FILES}/upload", params={"name": "a.wav"}, content=recording(size), headers=headers
    )
    assert sent.status_code == 201, sent.text
    digest = hashlib.sha256()
    url = f"{FILES}/{sent.json()['id']}/content"
    async with client.stream("GET", url, follow_redirects=True) as response:
        async for part in response.aiter_bytes():
            digest.update(part)
    assert sent.json()["sha256"] == digest.hexdigest()
    assert (await client.delete(f"{FILES}/{sent.json()['id']}")).status_code == 204


async def watch(process: int, found: list[int]) -> None:
    """Record the memory of a process again and again."""
    while True:
        found.append(memory_of(process))
        await asyncio.sleep(SAMPLE_SECONDS)


async def grow(url: str, process: str, files: str, megabytes: str, at_once: str) -> None:
    """Print by how many bytes a process grows while files go up and down, after a small one."""
    async with httpx2.AsyncClient(base_url=url, timeout=600) as client:
        await sign_in(client)
        await up_and_down(client, 1)
        found = [memory_of(int(process))]
        watching = asyncio.create_task(watch(int(process), found))
        for _ in range(int(files) // int(at_once)):
            await asyncio.gather(
                *(up_and_down(client, int(megabytes)) for _ in range(int(at_once)))
            )
        watching.cancel()
    sys.stdout.write(str(max(found) - found[0]))


async def caption(url: str, hook: str, size: str) -> None:
    """Print what is seen of a recording from its upload to its captions."""
    traced = {"traceparent": f"00-{TRACE}-{TRACE[:16]}-01"}
    async with httpx2.AsyncClient(base_url=url, timeout=60, headers=traced) as client:
        await sign_in(client)
        await post(client, "/webhooks", url=hook)
        file = await upload(client, int(size))
        media = await post(client, "/media", title="Talk", kind="audio", recording_id=file["id"])
        transcribed = await follow(client, f"/media/{media['id']}/transcribe", language="en")
        [transcription] = (await client.get(f"{API}/transcription")).json()["items"]
        created = await post(client, "/captions", transcription_id=transcription["id"])
        rendered = await follow(client, f"/captions/{created['id']}/render")
        captioned = (await client.get(f"{API}/captions/{created['id']}")).json()
        content = await client.get(
            f"{API}/files/{captioned['rendered_id']}/content", follow_redirects=True
        )
        files = (await client.get(FILES)).json()["items"]
        shown = {
            "text": transcription["text"],
            "transcribed": transcribed,
            "rendered": rendered,
            "content": content.text,
            "files": [file["name"] for file in files],
            "authorization": client.headers["Authorization"],
            "trace": TRACE,
        }
        sys.stdout.write(json.dumps(shown))


async def owned_ids(client: httpx2.AsyncClient) -> dict[str, str]:
    """Return a row of the user for every parameter of a path."""
    project = await post(client, "/projects", name="Talks")
    ids = {"project_id": project["id"]}
    ids["user_id"] = (await client.get(f"{API}/users/me")).json()["id"]
    for name, collection in COLLECTIONS.items():
        rows = (await client.get(f"{API}{collection.format(**ids)}")).json()["items"]
        ids[name] = rows[0]["id"]
    return ids


async def trespass(url: str, authorization: str) -> None:
    """Print which operations give the rows of a user to another one, or change them."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as owner:
        owner.headers["Authorization"] = authorization
        sys.stdout.write(json.dumps(await find_leaks(owner)))


async def find_leaks(owner: httpx2.AsyncClient) -> list[str]:
    """Ask for the rows of the owner as another user, by every operation of the document.

    Return the operations that answer, other than that there is no such row.
    """
    ids = await owned_ids(owner)
    document = (await owner.get("/openapi.json")).json()
    operations = [(m, p, o) for p, found in document["paths"].items() for m, o in found.items()]
    owned = [o for o in operations if "{" in o[1] and "/system/" not in o[1]]
    readable = [path for method, path, _ in owned if (method, path[-1]) == ("get", "}")]
    before = [(await owner.get(path.format(**ids))).json() for path in readable]
    rows = dict(zip(readable, before, strict=True))
    found = []
    async with httpx2.AsyncClient(base_url=owner.base_url, timeout=60) as other:
        await sign_in(other)
        for method, path, operation in owned:
            body = body_of(operation, document, rows.get(path, {}))
            answer = await other.request(method, path.format(**ids), json=body)
            if answer.status_code not in (403, 404):
                found.append(f"{method} {path} {answer.status_code}")
        for method, path, _ in operations:
            if method == "get" and "{" not in path and not path.endswith("/events"):
                text = (await other.get(path)).text
                found += [f"get {path} {name}" for name, value in ids.items() if value in text]
    after = [(await owner.get(path.format(**ids))).json() for path in readable]
    return found if after == before else [*found, "rows have changed"]


def body_of(operation: Any, document: Any, row: dict[str, Any]) -> dict[str, Any] | None:
    """Return a valid body: the values of the row, and those of members."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    fields = document["components"]["schemas"][name]["properties"]
    values = {**row, "email": "ann@example.com", "role": "viewer"}
    return {field: values[field] for field in fields if field in values}


COMMANDS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "caption": caption,
    "grow": grow,
    "trespass": trespass,
}

if __name__ == "__main__":
    asyncio.run(COMMANDS[sys.argv[1]](*sys.argv[2:]))
