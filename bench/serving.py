"""CPU time of the server for each request, beside the same endpoints written by hand.

Both serve one PostgreSQL, in turn, so that a busy machine slows both alike. A ratio of 1 means
equal, 2 that the service takes half of the time. Then both have 100 clients at once.

    uv run python -m bench.serving [--rounds 9] [--requests 300]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.generated import environment, make_service, run, snapshot_template, variables
from tests.pooling import database

BY_HAND = Path(__file__).with_name("by_hand.py")
PRODUCTS = {
    "name": "products",
    "entity": "Product",
    "fields": [
        {"name": "name", "type": "str", "max_length": 120, "sort": True},
        {"name": "sku", "type": "str", "max_length": 40},
        {"name": "price", "type": "decimal", "precision": 10, "scale": 2, "min": 0},
        {"name": "stock", "type": "int", "default": 0},
        {"name": "note", "type": "text", "nullable": True},
    ],
}
PATH = "/api/v1/products"
GOALS = {"list of 20": 1.0, "list of 100": 1.0, "get": 1.0, "create": 0.9, "replace": 0.9}
ROWS = 1_000
AT_ONCE = 4  # connections while CPU time is measured
CLIENTS = 100
numbers = count()


@dataclass(frozen=True)
class Server:
    """A running server of one process."""

    pid: int
    port: int

    def seconds(self) -> float:
        """Return the CPU time of all its threads so far."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def request(what: str, identifier: str) -> bytes:
    """Return a request as it is sent."""
    number = next(numbers)
    body = {"name": f"Tea {number}", "sku": f"T{number}", "price": "12.50", "stock": number}
    method, path, content = {
        "list of 20": ("GET", f"{PATH}?limit=20", b""),
        "list of 100": ("GET", f"{PATH}?limit=100", b""),
        "get": ("GET", f"{PATH}/{identifier}", b""),
        "create": ("POST", PATH, json.dumps(body).encode()),
        "replace": ("PUT", f"{PATH}/{identifier}", json.dumps(body).encode()),
    }[what]
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


async def send(server: Server, requests: list[bytes], at_once: int) -> list[tuple[float, bytes]]:
    """Send requests over some connections; return how long each took, and its body."""
    waiting, answers = iter(requests), []

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for content in waiting:
            start = time.perf_counter()
            writer.write(content)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            answers.append((time.perf_counter() - start, body))
            if not head.startswith(b"http/1.1 20"):
                raise RuntimeError((head + body).decode())
        writer.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    return answers


def measure(server: Server, what: str, identifier: str, number: int) -> float:
    """Return the CPU time of a server for a request, in seconds."""
    requests = [request(what, identifier) for _ in range(number)]
    start = server.seconds()
    asyncio.run(send(server, requests, AT_ONCE))
    return (server.seconds() - start) / number


def percentile(server: Server, what: str, identifier: str) -> float:
    """Return the time within which 95 % of the requests of many clients are answered."""
    requests = [request(what, identifier) for _ in range(CLIENTS * 10)]
    times = [seconds for seconds, _ in asyncio.run(send(server, requests, CLIENTS))]
    return statistics.quantiles(times, n=20)[-1]


@contextmanager
def serving(folder: Path, programs: Path, module: str, url: str) -> Iterator[Server]:
    """Serve an application with one process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    given = {**variables(programs), "DATABASE_URL": url}
    with (folder / f"{module}.log").open("wb") as log:
        server = subprocess.Popen(
            ["uvicorn", f"{module}:app", f"--port={port}"],
            cwd=folder,
            env=given,
            stdout=log,
            stderr=log,
        )
    try:
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        yield Server(server.pid, port)
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=300, help="in each round")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cofee-bench-")))
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        template = snapshot_template(folder / "template")
        programs = environment(template)
        project = make_service(template, folder / "service", {"modules": [PRODUCTS]})
        url = stack.enter_context(database(project, programs))
        shutil.copy(BY_HAND, project)
        run(project, programs, "alembic", "upgrade", "head", DATABASE_URL=url)
        ours, other = (
            stack.enter_context(serving(project, programs, module, url))
            for module in ("app.main", "by_hand")
        )
        creations = [request("create", "") for _ in range(ROWS)]
        identifier = json.loads(asyncio.run(send(ours, creations, AT_ONCE))[0][1])["id"]
        for what, goal in GOALS.items():
            compare(ours, other, what, identifier, goal, given)
        for what in GOALS:
            late = [percentile(server, what, identifier) * 1000 for server in (ours, other)]
            print(f"{what}, {CLIENTS} clients: p95 {late[0]:.0f} ms; by hand {late[1]:.0f} ms")


def compare(
    ours: Server,
    other: Server,
    what: str,
    identifier: str,
    goal: float,
    given: argparse.Namespace,
) -> None:
    """Print how many times as long the other takes, by the medians of rounds in turn."""
    for server in (ours, other):
        measure(server, what, identifier, given.requests)
    pairs = [
        [measure(server, what, identifier, given.requests) for server in (ours, other)]
        for _ in range(given.rounds)
    ]
    mine, its = (statistics.median(times) * 1e6 for times in zip(*pairs, strict=True))
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    verdict = "reached" if ratio >= goal else "MISSED"
    print(f"{what}: {ratio:.2f} ({mine:.0f} µs; by hand {its:.0f} µs; goal {goal} {verdict})")


if __name__ == "__main__":
    main()
