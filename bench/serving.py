"""CPU time of the server for each request, beside the same endpoints written by hand.

Both do the same work: a pool, validation, one page, a commit, an answer in JSON, a line of log.
The service does more in each request, all of which counts: request ids, limits of bodies, security
headers, more parameters of lists, turns for connections. `by_hand.py` has none of it, and does not
ping connections. As in tutorials, a read is a transaction there, and the garbage collector is not
tuned.

Both serve one PostgreSQL, in short rounds and in turn, so that a busy machine slows both alike. A
ratio of 1 means equal, 2 that the service takes half of the time. Two starts of one program differ
by a few percent in all their rounds, so both are started several times. Printed is the median over
the starts of the median ratio of the rounds of each, and its 95 % confidence interval. A goal is
reached or missed only outside of it. Then both have 100 clients at once.

With `--instructions`, valgrind counts the instructions of the servers instead. They repeat within
two percent on any machine, but leave out the kernel, and so most of what a round trip costs.

    uv run python -m bench.serving [--starts 9] [--rounds 7] [--requests 40] [--instructions]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
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
VALGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no")
COUNTED = 40  # requests whose instructions are counted
MIN_STARTS = 6
numbers = count()


@dataclass(frozen=True)
class Server:
    """A running server of one process."""

    pid: int
    port: int
    folder: Path

    def seconds(self) -> float:
        """Return the CPU time of all its threads so far."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def control(self, option: str) -> None:
        """Start, clear or write the counts of valgrind."""
        command = ["callgrind_control", option, str(self.pid)]
        subprocess.run(command, check=True, capture_output=True)

    def instructions(self) -> int:
        """Return the instructions since the counts were cleared."""
        self.control("--dump")
        newest = max(self.folder.glob(f"callgrind.out.{self.pid}.*"), key=os.path.getmtime)
        lines = newest.read_text(errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))


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
def serving(folder: Path, programs: Path, module: str, url: str, *tool: str) -> Iterator[Server]:
    """Serve an application with one process, which a tool can run."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    given = {**variables(programs), "DATABASE_URL": url}
    with (folder / f"{module}.log").open("wb") as log:
        server = subprocess.Popen(
            [*tool, "python", "-m", "uvicorn", f"{module}:app", f"--port={port}"],
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
        yield Server(server.pid, port, folder)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def both(project: Path, programs: Path, url: str, *tool: str) -> Iterator[tuple[Server, Server]]:
    """Serve the service and what was written by hand."""
    with (
        serving(project, programs, "app.main", url, *tool) as ours,
        serving(project, programs, "by_hand", url, *tool) as other,
    ):
        yield ours, other


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=9, help=f"at least {MIN_STARTS}")
    parser.add_argument("--rounds", type=int, default=7, help="in each start")
    parser.add_argument("--requests", type=int, default=40, help="in each round")
    parser.add_argument("--instructions", action="store_true", help="count them with valgrind")
    given = parser.parse_args()
    if given.starts < MIN_STARTS:
        parser.error(f"fewer than {MIN_STARTS} starts have no interval of 95 %")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cofee-bench-")))
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        template = snapshot_template(folder / "template")
        programs = environment(template)
        project = make_service(template, folder / "service", {"modules": [PRODUCTS]})
        url = stack.enter_context(database(project, programs))
        shutil.copy(BY_HAND, project)
        run(project, programs, "alembic", "upgrade", "head", DATABASE_URL=url)
        with serving(project, programs, "app.main", url) as server:
            creations = [request("create", "") for _ in range(ROWS)]
            identifier = json.loads(asyncio.run(send(server, creations, AT_ONCE))[0][1])["id"]
        if given.instructions:
            with both(project, programs, url, *VALGRIND) as servers:
                compare_instructions(*servers, identifier)
            return
        starts = []
        for _ in range(given.starts):
            with both(project, programs, url) as servers:
                starts.append({what: compare(servers, what, identifier, given) for what in GOALS})
        for what in GOALS:
            report(what, [start[what] for start in starts])
        with both(project, programs, url) as servers:
            for what in GOALS:
                late = [percentile(server, what, identifier) * 1000 for server in servers]
                print(f"{what}, {CLIENTS} clients: p95 {late[0]:.0f} ms; by hand {late[1]:.0f} ms")


def compare(
    servers: tuple[Server, Server], what: str, identifier: str, given: argparse.Namespace
) -> list[tuple[float, float]]:
    """Return the CPU times of both servers for a request, of rounds in turn."""
    rounds = []
    for number in range(-2, given.rounds):  # the first rounds fill caches
        order = servers if number % 2 else servers[::-1]
        times = {server: measure(server, what, identifier, given.requests) for server in order}
        rounds += [(times[servers[0]], times[servers[1]])] if number >= 0 else []
    return rounds


def report(what: str, starts: list[list[tuple[float, float]]]) -> None:
    """Print how many times as long the other takes."""
    goal = GOALS[what]
    ratios = sorted(statistics.median(its / mine for mine, its in start) for start in starts)
    low, high = interval(ratios)
    verdict = "reached" if low >= goal else "MISSED" if high < goal else "unclear"
    times = zip(*(times for start in starts for times in start), strict=True)
    mine, its = (statistics.median(seconds) * 1e6 for seconds in times)
    ratio = f"{statistics.median(ratios):.2f}, {low:.2f} to {high:.2f}"
    print(
        f"{what}: {ratio} ({mine:.0f} µs; by hand {its:.0f} µs; goal {goal} {verdict})", flush=True
    )


def interval(values: list[float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the median of sorted values.

    Each value is above the median or below it, as a coin falls.
    """
    size, rank = len(values), 0
    while sum(math.comb(size, below) for below in range(rank + 2)) / 2**size <= 0.025:
        rank += 1
    return values[rank], values[-1 - rank]


def compare_instructions(ours: Server, other: Server, identifier: str) -> None:
    """Print how many times as many instructions the other takes."""
    for server in (ours, other):
        for what in GOALS:  # without the counts, which are slow
            measure(server, what, identifier, COUNTED)
        server.control("--instr=on")
    for what in GOALS:
        mine, its = (count_instructions(server, what, identifier) for server in (ours, other))
        print(f"{what}: {its / mine:.2f} ({mine:.0f} instructions; by hand {its:.0f})", flush=True)


def count_instructions(server: Server, what: str, identifier: str) -> float:
    """Return the instructions of a request."""
    measure(server, what, identifier, AT_ONCE)
    server.control("--zero")
    measure(server, what, identifier, COUNTED)
    return server.instructions() / COUNTED


if __name__ == "__main__":
    main()
