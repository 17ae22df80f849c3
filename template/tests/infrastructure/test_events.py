"""Every listener of a channel gets each event once, even after an interruption."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
import time
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.infrastructure import events
from app.infrastructure.channels import MAX_BYTES, SHARED_CHANNEL, publish, user_channel
from app.infrastructure.cookies import ACCESS_COOKIE
from app.infrastructure.events import QUEUE_SIZE, get_hub
from app.infrastructure.redis import get_redis
from app.infrastructure.settings import get_settings
from app.modules.users.models import User
from dev.valkey import serve as serve_valkey
from tests.streams import Received, Served, client_of, new_user, serve

OWN = "/api/v1/users/me/events"
SHARED = "/api/v1/events"
RECONNECTS = 10
STREAMS = 20
Headers = dict[str, str]
Send = Callable[..., Coroutine[Any, Any, None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[Served]:
    """The application on a port."""
    from app.main import app  # reads the settings, which are set by now

    async with serve(app) as served:
        yield served


@pytest_asyncio.fixture
async def served(server: Served, session: AsyncSession) -> AsyncIterator[Served]:
    """The application on a port, with no stream open and nothing published yet."""
    await get_redis().flushdb()
    yield server
    await get_hub().close()
    get_hub.cache_clear()
    await forget_connections()


async def forget_connections() -> None:
    """Connect again with the settings."""
    await get_redis().aclose()
    get_redis.cache_clear()


@dataclass(frozen=True)
class Person:
    """A user, with their channel and the headers of their requests."""

    channel: str
    headers: Headers


async def person(session: AsyncSession, name: str) -> Person:
    """Create a user."""
    user_id, headers = await new_user(session, name)
    return Person(user_channel(user_id), headers)


@pytest_asyncio.fixture
async def ann(session: AsyncSession) -> Person:
    """A user."""
    return await person(session, "ann")


@pytest.fixture
def send(sessions: async_sessionmaker[AsyncSession]) -> Send:
    """Publish numbers, each after a commit."""

    async def send(channel: str, *numbers: int) -> None:
        for number in numbers:
            async with sessions.begin() as session:
                publish(session, channel, "counted", {"number": number})

    return send


@pytest.fixture
def own_valkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a server that a test can stop."""
    with serve_valkey(tmp_path) as variables:
        monkeypatch.setattr(get_settings(), "redis_url", variables["REDIS_URL"])
        yield tmp_path


def numbers(received: list[Received]) -> list[int]:
    return [event.data["number"] for event in received]


@pytest.mark.parametrize("transport", ["stream", "socket"])
async def test_stream_gets_each_event_once(
    served: Served, ann: Person, send: Send, transport: str
) -> None:
    channel, connect, headers = ann.channel, getattr(served, transport), ann.headers

    async with connect(OWN, headers) as stream:
        opened = await stream.next()
        await send(channel, 1, 2)
        first, second = [await stream.next() for _ in range(2)]
    await send(channel, 3)
    async with connect(OWN, headers, first.id) as stream:
        await send(channel, 4)
        start, *rest = [await stream.next() for _ in range(4)]
    async with connect(OWN, headers, opened.id) as stream:
        everything = [await stream.next() for _ in range(5)]

    assert opened.name == "open"
    assert first == Received(first.id, "counted", {"number": 1})
    assert start.id == first.id
    assert rest[0] == second
    assert numbers(rest) == [2, 3, 4]
    assert everything[1:] == [first, *rest]


async def test_nothing_is_lost_or_doubled_over_reconnects(
    served: Served, ann: Person, send: Send
) -> None:
    channel, dice = ann.channel, random.Random(7)  # noqa: S311
    count = RECONNECTS * 20
    received: list[Received] = []
    async with served.stream(OWN, ann.headers) as stream:
        last = (await stream.next()).id

    publishing = asyncio.create_task(send(channel, *range(count)))
    for reconnect in range(RECONNECTS):
        async with served.stream(OWN, ann.headers, last) as stream:
            await stream.next()
            left = count - len(received)
            is_last = reconnect == RECONNECTS - 1
            for _ in range(left if is_last else min(dice.randrange(40), left)):
                received.append(await stream.next())
                last = received[-1].id
    await publishing

    assert numbers(received) == list(range(count))


async def test_lost_events_are_reported(
    served: Served,
    ann: Person,
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(get_settings(), "event_buffer_size", 3)
    channel = ann.channel
    async with served.stream(OWN, ann.headers) as stream:
        opened = await stream.next()
        await send(channel, 1, 2)
        first, second = [await stream.next() for _ in range(2)]
    await send(channel, 3, 4, 5)

    async with served.stream(OWN, ann.headers, second.id) as stream:
        await stream.next()
        complete = await stream.next()
    for position in (opened.id, first.id, "9999999999999-0"):
        async with served.stream(OWN, ann.headers, position) as stream:
            await stream.next()
            stale = await stream.next()
            await send(channel, 6)
            after = await stream.next()
        assert stale.name == "stale"
        assert numbers([after]) == [6]
    # The third event is the oldest that is left, so that nothing after the second is lost.
    assert complete.name == "stale" or numbers([complete]) == [3]


async def test_slow_stream_reads_the_channel(served: Served, send: Send) -> None:
    count = QUEUE_SIZE * 3
    async with get_hub().subscribed(SHARED_CHANNEL, uuid.uuid4(), 60, None) as subscription:
        stream = aiter(subscription)
        await anext(stream)
        async with get_hub().subscribed(SHARED_CHANNEL, uuid.uuid4(), 60, None) as other:
            fast = aiter(other)
            await anext(fast)
            await send(SHARED_CHANNEL, *range(count))
            for _ in range(count):
                await anext(fast)

        found = [(await anext(stream)).data for _ in range(count)]

    assert found == [f'{{"number":{number}}}' for number in range(count)]


@pytest.mark.parametrize("transport", ["stream", "socket"])
async def test_stream_ends_with_a_hint_when_the_server_dies(
    own_valkey: Path, served: Served, ann: Person, send: Send, transport: str
) -> None:
    connect = getattr(served, transport)
    async with connect(SHARED, ann.headers) as stream:
        opened = await stream.next()
        await get_redis().shutdown(nosave=True)

        end = await stream.next()

        assert (end.name, end.data) == ("end", {"reason": "unavailable"})
        if transport == "stream":
            assert end.retry == get_settings().event_retry_ms
        with pytest.raises((EOFError, ConnectionClosed)):
            await stream.next()
    async with connect(SHARED, ann.headers) as stream:
        assert (await stream.next()).name == "end"
    await send(SHARED_CHANNEL, 1)  # the transaction is committed
    (own_valkey / "valkey" / "server.port").unlink()
    with serve_valkey(own_valkey) as variables:
        get_settings().redis_url = variables["REDIS_URL"]
        await forget_connections()
        async with connect(SHARED, ann.headers, opened.id) as stream:
            await stream.next()
            await send(SHARED_CHANNEL, 2)
            assert numbers([await stream.next()]) == [2]


async def test_event_that_cannot_be_read_ends_the_streams(
    served: Served, ann: Person, send: Send
) -> None:
    """Without an end, they would stay open and get nothing."""
    async with served.stream(OWN, ann.headers) as stream:
        opened = await stream.next()
        await send(ann.channel, 1)
        assert numbers([await stream.next()]) == [1]
        await get_redis().xadd(ann.channel, {"written": "by other code"})
        assert (await stream.next()).data == {"reason": "unavailable"}
    async with served.stream(OWN, ann.headers, opened.id) as stream:
        _, end = [await stream.next() for _ in range(2)]
        assert end.data == {"reason": "unavailable"}


async def refusal(served: Served, url: str, headers: Headers, **options: Any) -> list[int]:
    """Return the statuses with which both transports refuse a stream."""
    response = await served.client.get(url, headers=headers)
    assert response.headers["content-type"] == "application/problem+json"
    with pytest.raises(InvalidStatus) as error:
        async with served.socket(url, headers, **options):
            pass
    return [response.status_code, error.value.response.status_code]


async def test_stream_needs_a_valid_token(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    for url in (OWN, SHARED):
        assert await refusal(served, url, {}) == [401, 401]
        assert await refusal(served, url, {"Authorization": "Bearer x"}) == [401, 401]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_user_gets_no_events_of_others(
    served: Served, session: AsyncSession, ann: Person, send: Send
) -> None:
    bob = await person(session, "bob")
    async with served.stream(OWN, bob.headers) as stream:
        await stream.next()
        await send(ann.channel, 1)
        await send(bob.channel, 2)
        assert numbers([await stream.next()]) == [2]


async def test_unknown_position_is_refused(served: Served, ann: Person) -> None:
    for position in ("x", f"{2**63}-0", "1-0&last_event_id=2-0"):
        url = f"{OWN}?last_event_id={position}"
        assert await refusal(served, url, ann.headers) == [422, 422]


@pytest.mark.parametrize("transport", ["stream", "socket"])
async def test_stream_ends_when_its_token_expires(
    served: Served,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
    transport: str,
) -> None:
    monkeypatch.setattr(get_settings(), "access_token_seconds", 2)
    async with getattr(served, transport)(OWN, (await person(session, "eve")).headers) as stream:
        await stream.next()

        assert (await stream.next()).data == {"reason": "expired"}
        with pytest.raises((EOFError, ConnectionClosed)) as error:
            await stream.next()
    if isinstance(error.value, ConnectionClosed):
        assert error.value.rcvd
        assert error.value.rcvd.code == 4401


@pytest.mark.parametrize("transport", ["stream", "socket"])
@pytest.mark.parametrize("change", [{"is_active": False}, {"token_version": 1}], ids=str)
async def test_stream_ends_when_its_token_is_revoked(
    served: Served,
    session: AsyncSession,
    send: Send,
    ann: Person,
    change: dict[str, object],
    transport: str,
) -> None:
    bob, connect = await person(session, "bob"), getattr(served, transport)
    async with connect(OWN, ann.headers) as stream, connect(OWN, bob.headers) as other:
        await stream.next()
        await other.next()
        await session.execute(sa.update(User).where(User.name == "ann").values(**change))
        await session.commit()
        await get_hub().end_revoked()

        assert (await stream.next()).data == {"reason": "revoked"}
        await send(bob.channel, 1)
        assert numbers([await other.next()]) == [1]


async def test_rights_are_checked_while_streams_are_open(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "event_check_seconds", 0.01)
    asked: list[set[Any]] = []
    errors = [ConnectionError("the database is down"), KeyError("a mistake")]
    are_open = asyncio.Event()

    async def check(rights: set[Any]) -> set[Any]:
        if not are_open.is_set():
            return rights
        asked.append(rights)
        if len(asked) <= len(errors):
            raise errors[len(asked) - 1]
        return {"new"} if len(asked) > 3 else rights

    async with (
        get_hub().subscribed(SHARED_CHANNEL, uuid.uuid4(), 60, None, (check, "old")) as revoked,
        get_hub().subscribed(SHARED_CHANNEL, uuid.uuid4(), 60, None, (check, "new")) as kept,
    ):
        are_open.set()
        end = [event async for event in revoked][-1]
        assert (end.data, kept.reason) == ('{"reason":"revoked"}', None)
    assert asked[:4] == [{"old", "new"}] * 4


async def test_browser_opens_a_socket_with_a_token_or_a_cookie(
    served: Served, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ann.headers["Authorization"].removeprefix("Bearer ")
    async with served.socket(OWN, {}, subprotocols=["events", f"bearer.{token}"]) as socket:
        assert socket.connection.subprotocol == "events"
    cookie = {"Cookie": f"{ACCESS_COOKIE}={token}"}
    assert await refusal(served, OWN, cookie) == [401, 401]
    monkeypatch.setattr(get_settings(), "auth_cookies", True)

    async with served.socket(OWN, cookie, origin=str(served.client.base_url)) as socket:
        assert (await socket.next()).name == "open"
    with pytest.raises(InvalidStatus, match="403"):
        async with served.socket(OWN, cookie, origin="https://evil.example"):
            pass


async def test_streams_are_limited(
    served: Served, session: AsyncSession, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "event_streams_per_user", 1)
    async with served.stream(OWN, ann.headers) as stream:
        await stream.next()
        assert await refusal(served, SHARED, ann.headers) == [429, 429]
        monkeypatch.setattr(get_settings(), "event_streams", 1)
        assert await refusal(served, OWN, (await person(session, "bob")).headers) == [503, 503]
    async with served.stream(SHARED, ann.headers) as stream:
        assert (await stream.next()).name == "open"


async def test_open_streams_hold_no_database_connection(
    served: Served, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "event_streams_per_user", STREAMS)
    transactions: set[object] = set()
    listeners = [
        ("after_transaction_create", lambda _, transaction: transactions.add(transaction)),
        ("after_transaction_end", lambda _, transaction: transactions.discard(transaction)),
    ]
    for name, listener in listeners:
        sa.event.listen(Session, name, listener)

    async with contextlib.AsyncExitStack() as stack:
        for number in range(STREAMS):
            connect = getattr(served, "socket" if number % 2 else "stream")
            stream = await stack.enter_async_context(connect(OWN, ann.headers))
            await stream.next()
        held = len(transactions)
    for name, listener in listeners:
        sa.event.remove(Session, name, listener)

    assert held == 0


async def test_idle_stream_is_pinged(
    served: Served, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PING_SECONDS", 0.01)
    async with served.client.stream("GET", OWN, headers=ann.headers) as response:
        lines = response.aiter_lines()
        assert ": ping" in [await anext(lines) for _ in range(5)]


def test_event_is_small() -> None:
    with pytest.raises(ValueError, match=str(MAX_BYTES)):
        publish(AsyncSession(), SHARED_CHANNEL, "counted", {"text": "a" * MAX_BYTES})


APP = """
import uuid
from fastapi import Depends, FastAPI
from app.infrastructure.event_routes import EventStream
from app.infrastructure.events import get_hub, running

app = FastAPI(lifespan=lambda _: running())

async def open_channel():
    async with get_hub().subscribed("all:events", uuid.uuid4(), 60, None) as subscription:
        yield subscription

@app.get("/events")
async def stream(subscription = Depends(open_channel)):
    return EventStream(subscription)
"""


async def read_url(output: asyncio.StreamReader) -> str:
    """Return the address that a server prints."""
    async for line in output:
        if b"running on" in line:
            return line.decode().split()[4]
    raise EOFError


async def test_streams_end_when_the_process_has_to_stop(served: Served, tmp_path: Path) -> None:
    (tmp_path / "stopping.py").write_text(APP)
    command = [sys.executable, "-m", "uvicorn", "stopping:app", "--app-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, "--port", "0", stderr=PIPE)
    assert process.stderr
    url = await read_url(process.stderr)
    async with client_of() as client:
        streams = Served(client)
        opened = [streams.stream(f"{url}/events", {}) for _ in range(STREAMS)]
        found = [await stream.__aenter__() for stream in opened]
        for stream in found:
            await stream.next()
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)

        ends = [await stream.next() for stream in found]
        await process.communicate()

        assert time.monotonic() - started < 3
        assert {end.data["reason"] for end in ends} == {"stopping"}
        for one in opened:
            await one.__aexit__(None, None, None)
