"""Faults of a service that serves: servers that end, clients that are slow, disks that are full."""

from __future__ import annotations

import json
import resource
import signal
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from threading import Event

import pytest
import requests

from tests.chaos import running, wait_until
from tests.generated import lift_limits, make_service, serving
from tests.pooling import mortal_database, query, session
from tests.preforked import Preforked
from tests.reader import free_port
from tests.test_production import PRODUCTS
from tests.test_security import programs
from tests.thinking import thinking_model
from tests.visitors import register, sign_in

pytestmark = pytest.mark.service

__all__ = ["programs"]  # pytest finds the fixture by its name

CONNECTIONS = 3
SLOW = 5  # clients, more than there are connections
POOL_SECONDS, BODY_SECONDS, STOP_SECONDS = 1, 2, 3
SETTINGS = {
    "DATABASE_POOL_SIZE": "2",
    "DATABASE_POOL_MAX_SIZE": str(CONNECTIONS),
    "DATABASE_POOL_TIMEOUT_SECONDS": str(POOL_SECONDS),
    "MAX_BODY_SECONDS": str(BODY_SECONDS),
    "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": str(STOP_SECONDS),
}
A_SECOND, CLIENTS = 50, 5  # requests of the load, and who sends them
A_WHILE = 1  # seconds; what a machine that does other things may take
A_LOT = 1 << 20
# A response of six megabytes is more than the buffers of a connection hold.
LARGE, LARGE_ROWS = "x" * 800_000, 8
READ_ALL = b"GET /api/v1/products?limit=100&sort=-created_at HTTP/1.1\r\nHost: shop\r\n\r\n"
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '' AND state LIKE '{}'"
CLOSE = """SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
WRITABLE = """SET TRANSACTION READ WRITE;
ALTER DATABASE postgres RESET default_transaction_read_only"""
RUN_SECONDS, LEASE_SECONDS = 10, 25  # of the assistant
WAITING = """

@app.post("/wait", openapi_extra={"x-tool": "wait"})
async def wait() -> dict[str, str]:
    await __import__("asyncio").sleep(60)
    return {}
"""
EVERY = "SELECT string_agg(sku, ',') FROM products WHERE sku LIKE '{} %'"


@dataclass(frozen=True)
class Served:
    """A service that serves, its log, and its database server, which can be killed."""

    address: str
    log: Path
    programs: Path
    database: str
    restart: Callable[[], None]
    stop: Callable[[], None]

    @property
    def products(self) -> str:
        """The address of the products."""
        return f"{self.address}/api/v1/products"

    def find(self, text: str) -> str:
        """Return what a query finds."""
        return query(self.programs, self.database, text)

    def locked(self) -> AbstractContextManager[None]:
        """Let all requests wait that need the table."""
        return session(self.programs, self.database, "LOCK TABLE products")

    def stored(self, kind: str) -> set[str]:
        """Return the names of the products of a test."""
        return set(self.find(EVERY.format(kind)).split(",")) - {"None"}

    def errors(self) -> list[str]:
        """Return what was logged as an error."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        return [line["message"] for line in lines if line["level"] in ("error", "critical")]

    def connect(self, request: bytes, buffer: int = 0) -> socket.socket:
        """Open a connection, and send the beginning of a request."""
        host, _, port = self.address.removeprefix("http://").partition(":")
        client = socket.socket()
        client.settimeout(60)
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.connect((host, int(port)))
        client.sendall(request)
        return client


@pytest.fixture(scope="module")
def served(
    programs: tuple[Path, Path], forks: Preforked, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One service for all faults; the last test stops it."""
    folder = tmp_path_factory.mktemp("faults")
    data = {"modules": [PRODUCTS], "auth": "none"}
    project = make_service(programs[0], folder / "service", data)
    with mortal_database(project, programs[1]) as (url, restart), ExitStack() as stack:
        settings = {**SETTINGS, "DATABASE_URL": url, **forks.first("alembic", "uvicorn")}
        address = stack.enter_context(serving(project, programs[1], folder / "log", **settings))
        yield Served(address, folder / "log", programs[1], url, restart, stack.close)


@dataclass(frozen=True)
class Sent:
    """A product that a client sent: its name, the status, or 0 without one, and when it came."""

    sku: str
    status: int
    retry_after: str | None
    ended: float


@contextmanager
def load(products: str, kind: str) -> Iterator[list[Sent]]:
    """Create 50 products a second, each over a new connection, until the block ends."""
    sent: list[Sent] = []
    stopped = Event()

    def create(client: int) -> None:
        for number in count():
            if stopped.wait(CLIENTS / A_SECOND):
                return
            status, retry_after, sku = 0, None, f"{kind} {client} {number}"
            try:
                answer = post(products, sku)
                status, retry_after = answer.status_code, answer.headers.get("Retry-After")
            except requests.ConnectionError:
                pass
            sent.append(Sent(sku, status, retry_after, time.monotonic()))

    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(create, client) for client in range(CLIENTS)]
        try:
            yield sent
        finally:
            stopped.set()
    for client in clients:
        client.result()


def test_no_acknowledged_row_is_lost_when_the_database_server_is_killed(served: Served) -> None:
    """Requests fail with 503 in between, and succeed within a second of the server."""
    with load(served.products, "killed") as sent:
        time.sleep(1)
        served.restart()
        restarted = time.monotonic()
        time.sleep(1.5)

    assert {(one.status, one.retry_after) for one in sent} == {(201, None), (503, "1")}
    assert {one.sku for one in sent if one.status == 201} <= served.stored("killed")
    assert min(one.ended for one in sent if one.status == 201 and one.ended > restarted) < (
        restarted + A_WHILE
    )
    assert served.errors() == []


def test_server_that_became_a_standby_is_left(served: Served) -> None:
    """As after a failover: the connections are to a server that cannot be written any longer."""
    served.find("ALTER DATABASE postgres SET default_transaction_read_only = on")
    served.find(CLOSE)
    refused = post(served.products, "standby 1")
    with session(served.programs, served.database, WRITABLE):
        pass
    created = post(served.products, "standby 2")

    assert (refused.status_code, refused.json()["code"]) == (503, "database_down")
    assert created.status_code == 201
    assert served.errors() == []


def test_exhausted_pool_is_reported_in_time_and_recovers(served: Served) -> None:
    """Requests for which there is no connection fail; the others are carried out."""
    with ThreadPoolExecutor(SLOW) as threads:
        with served.locked():
            waiting = [threads.submit(post, served.products, f"pool {n}") for n in range(SLOW)]
            refused, others = wait(waiting, POOL_SECONDS + A_WHILE)
            answers = [one.result() for one in refused]
        statuses = Counter(one.result().status_code for one in others)
        again = [threads.submit(post, served.products, f"again {n}") for n in range(SLOW)]

    assert Counter((one.status_code, one.headers["Retry-After"]) for one in answers) == {
        (503, "1"): SLOW - CONNECTIONS
    }
    assert statuses == {201: CONNECTIONS}
    assert [one.result().status_code for one in again] == [201] * SLOW
    assert served.find(OPEN.format("%transaction%")) == "0"
    assert int(served.find(OPEN.format("idle"))) <= CONNECTIONS
    assert served.errors() == []


def test_slow_body_holds_no_connection_and_is_cut_off(served: Served) -> None:
    """More clients than there are connections send a byte at a time; others do not wait."""
    body = product("slow 1")
    start = time.monotonic()
    with ExitStack() as stack:
        slow = [
            stack.enter_context(served.connect(head(len(body)) + body[:1])) for _ in range(SLOW)
        ]
        for place in range(1, 11):
            for client in slow:
                client.send(body[place : place + 1])
            assert timed(served.products, f"beside {place}") < A_WHILE
        answers = [read_to_end(client) for client in slow]

    assert BODY_SECONDS < time.monotonic() - start < BODY_SECONDS + 2 * A_WHILE
    assert {one.partition(b"\r\n")[0] for one in answers} == {b"HTTP/1.1 408 Request Timeout"}
    assert all(b"application/problem+json" in one for one in answers)
    assert served.stored("slow") == set()
    assert served.errors() == []


def test_client_that_goes_away_leaves_everything_or_nothing(served: Served) -> None:
    """In the middle of the body, or while its row is written; no connection is lost."""
    random, names = Random(11), [f"gone {number}" for number in range(20)]
    complete = {names[0], names[7], names[19]}
    with served.locked():
        for name in names:
            body = product(name)
            cut = len(body) if name in complete else random.randrange(len(body))
            client = served.connect(head(len(body)) + body[:cut])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
            client.close()
        time.sleep(POOL_SECONDS / 2)
    with ThreadPoolExecutor(SLOW) as threads:
        after = [*threads.map(post, [served.products] * SLOW, [f"after {n}" for n in range(SLOW)])]

    assert [one.status_code for one in after] == [201] * SLOW
    assert served.stored("gone") == complete
    assert served.find(OPEN.format("%transaction%")) == "0"
    assert served.errors() == []


def test_accepted_requests_are_answered_before_the_service_stops(served: Served) -> None:
    """SIGTERM under load, with clients that neither read their response nor send their body."""
    for number in range(LARGE_ROWS):
        assert post(served.products, f"large {number}", LARGE).status_code == 201
    with ExitStack() as stack:
        slow = [stack.enter_context(served.connect(READ_ALL, 2048)) for _ in range(SLOW)]
        for client in slow:
            assert client.recv(1)
            assert timed(served.products, f"read {slow.index(client)}") < A_WHILE
        assert served.find(OPEN.format("%transaction%")) == "0"
        slow.append(stack.enter_context(served.connect(head(100))))
        with load(served.products, "stopped") as sent:
            time.sleep(1)
            start = time.monotonic()
            served.stop()
            took = time.monotonic() - start

    assert took < STOP_SECONDS + 2 * A_WHILE
    assert {one.status for one in sent} == {201, 0}
    assert {one.sku for one in sent if one.status == 201} == served.stored("stopped")
    assert served.errors() == ["Cancel 0 running task(s), timeout graceful shutdown exceeded"]


def test_full_disk_is_reported_and_leaves_nothing_half_written(
    programs: tuple[Path, Path], forks: Preforked, tmp_path: Path
) -> None:
    """SQLite: rows can be read meanwhile, and written as soon as there is space."""
    data = {"modules": [PRODUCTS], "auth": "none", "database": "sqlite"}
    project, file = make_service(programs[0], tmp_path / "service", data), tmp_path / "shop.sqlite3"
    settings = {"DATABASE_URL": f"sqlite+aiosqlite:///{file}", **forks.first("alembic")}
    with serving(project, programs[1], tmp_path / "log", **settings) as url:
        products = f"{url}/api/v1/products"
        limit_files(url, file.stat().st_size + 3 * len(LARGE))
        full = [post(products, f"full {number}", LARGE) for number in range(6)]
        found = requests.get(f"{products}?count=true", timeout=60)
        limit_files(url, resource.RLIM_INFINITY)
        again = post(products, "again", LARGE)

    statuses = [one.status_code for one in full]
    assert statuses == sorted(statuses)
    assert set(statuses) == {201, 503}
    assert (full[-1].json()["code"], full[-1].headers["Retry-After"]) == ("database_down", "1")
    assert (found.status_code, found.json()["total"]) == (200, statuses.count(201))
    assert again.status_code == 201
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_runs_of_a_killed_process_end_in_the_next(
    programs: tuple[Path, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The model of one conversation was thinking, and a tool of the other one was at work."""
    if not request.config.getoption("every_cell"):
        pytest.skip("tests of each service with an assistant begin with what a kill leaves")
    data = {"database": "sqlite", "mcp": True, "assistant": "openai"}
    project, port = make_service(programs[0], tmp_path / "service", data), free_port()
    with (project / "app/main.py").open("a") as main:
        main.write(WAITING)
    lift_limits(project)
    command = {"api": ["uvicorn", "app.main:app", f"--port={port}"]}
    with ThreadPoolExecutor() as threads, thinking_model() as (url, thinks):
        settings = {"ASSISTANT_BASE_URL": url, "ASSISTANT_SECONDS": str(RUN_SECONDS)}
        with running(project, programs[1], tmp_path, command, **settings) as processes:
            user = Talking(f"http://127.0.0.1:{port}")
            talks = user.begin(), user.begin()
            talking = zip(talks, ("think", "call"), strict=True)
            sent = [threads.submit(user.say, *talk) for talk in talking]
            assert thinks.wait(RUN_SECONDS)
            wait_until(lambda: "tool_call" in user.read(talks[1]))
            assert processes["api"].restart() == -signal.SIGKILL
            user.wait()
            assert all(isinstance(one.exception(), requests.ConnectionError) for one in sent)

            refused = [user.say(talk, "Go on") for talk in talks]
            waits = [int(one.headers["Retry-After"]) for one in refused]
            time.sleep(max(waits))
            answers = [user.say(talk, "Go on") for talk in talks]
            stored = [user.read(talk) for talk in talks]

    assert [(one.status_code, one.json()["code"]) for one in refused] == [(409, "running")] * 2
    assert max(waits) <= LEASE_SECONDS
    assert [(one.status_code, one.json()["text"]) for one in answers] == [(200, "Done.")] * 2
    goes_on = ["interrupted", "user", "assistant"]
    assert stored == [["user", *goes_on], ["user", "tool_call", "tool_result", *goes_on]]


class Talking:
    """A user who talks to the assistant."""

    def __init__(self, address: str) -> None:
        self._address, self._api = address, f"{address}/api/v1"
        self.wait()
        assert register(self._api).ok
        token = sign_in(self._api).json()["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def wait(self) -> None:
        """Wait until the service answers."""
        wait_until(lambda: requests.get(f"{self._address}/health/ready", timeout=60).ok)

    def begin(self) -> str:
        """Begin a conversation, and return the address of its messages."""
        url = f"{self._api}/conversations"
        made = requests.post(url, json={"title": "alpha"}, headers=self._headers, timeout=60).json()
        return f"{url}/{made['id']}/messages"

    def say(self, messages: str, text: str) -> requests.Response:
        """Send a message."""
        return requests.post(messages, json={"text": text}, headers=self._headers, timeout=60)

    def read(self, messages: str) -> list[str]:
        """Return the kind of each message, or its error."""
        items = requests.get(messages, headers=self._headers, timeout=60).json()["items"]
        return [one["error"] or one["kind"] for one in items]


def limit_files(url: str, size: int) -> None:
    """Limit the size of the files that a service writes, as if the disk were full."""
    port = url.rpartition(":")[2].encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if b"uvicorn" in (command := path.read_bytes()) and b"--port=" + port in command:
            limits = (size, resource.RLIM_INFINITY)
            resource.prlimit(int(path.parent.name), resource.RLIMIT_FSIZE, limits)


def product(sku: str, text: str = "") -> bytes:
    """Return the body of a product."""
    return json.dumps({"sku": sku, "stock": 1, "extra": {"text": text}}).encode()


def head(length: int) -> bytes:
    """Return a request without its body."""
    lines = ("POST /api/v1/products HTTP/1.1", "Host: shop", "Content-Type: application/json")
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


def post(products: str, sku: str, text: str = "") -> requests.Response:
    """Create a product."""
    content = {"Content-Type": "application/json"}
    return requests.post(products, product(sku, text), headers=content, timeout=60)


def timed(products: str, sku: str) -> float:
    """Create a product; return how long that took."""
    start = time.monotonic()
    assert post(products, sku).status_code == 201
    return time.monotonic() - start


def read_to_end(client: socket.socket) -> bytes:
    """Read until the service closes the connection."""
    return b"".join(iter(lambda: client.recv(A_LOT), b""))
