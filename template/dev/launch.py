"""Runs a server from a wheel on a free loopback port, with its data in a folder."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 30
STOP_SECONDS = 10


@contextlib.contextmanager
def launch(folder: Path, command: Callable[[int], list[str]]) -> Iterator[int]:
    """Yield the port of the server, which is started unless it runs already.

    Args:
        folder: gets its data and its log, and is its working directory.
        command: returns how to start it on a port.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port_file = folder / "server.port"
    if (port := running_port(port_file)) is not None:
        yield port
        return
    port = free_port()
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command(port),
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C must stop the service before its servers
        )
    try:
        wait_until_ready(process, port, folder)
        port_file.write_text(str(port))
        yield port
    finally:
        port_file.unlink(missing_ok=True)
        stop(process)


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def running_port(port_file: Path) -> int | None:
    """Return the port of a server that another command has started, or None."""
    with contextlib.suppress(OSError, ValueError):
        port = int(port_file.read_text())
        if answers(port):
            return port
    return None


def answers(port: int) -> bool:
    """Return whether a server accepts connections on a port."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def wait_until_ready(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Wait until the server accepts connections, or raise with its log."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            last_words = (folder / "server.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{process.args!r} did not start:{os.linesep}{last_words}")
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Shut a process down, and kill it if it does not stop."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
