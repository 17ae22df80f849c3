"""Runs programs of an environment without their start-up, which costs more than their work.

`python prefork.py serve SOCKET MODULE…` imports the modules once and forks for each run.
`python prefork.py run SOCKET SCRIPT ARGUMENT…` has a fork run the script, which gets the arguments,
environment, directory and streams of this process, and ends with its exit code. A SIGTERM is passed
on to the fork.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

STREAMS = (0, 1, 2)
# The exit code of the script of a fork, when it has ended by itself.
exit_codes: list[int] = []


def run(
    address: str,
    words: Sequence[str],
    variables: Mapping[str, str] = os.environ,
    folder: str = ".",
    streams: Sequence[int] = STREAMS,
    started: Callable[[int], None] = lambda _: None,
) -> int:
    """Have the server run a script and return its exit code; `started` gets the fork's id."""
    order = repr(({**variables}, [*words]))
    place = os.open(folder, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(address)
            socket.send_fds(server, [b"."], [*streams, place])
            server.sendall(order.encode())
            server.shutdown(socket.SHUT_WR)
            with server.makefile() as reports:
                started(int(reports.readline()))
                return int(reports.readline())
    finally:
        os.close(place)


def pass_on_sigterm(fork: int) -> None:
    """Let a SIGTERM of this process reach the fork that does its work."""
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(fork, number))


def serve(address: str, modules: list[str]) -> None:
    """Import modules, then run scripts until the process is ended."""
    import gc
    import importlib

    atexit.register(_leave)  # the first to be registered is the last to be called
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # forks need not look at it again, and share its memory
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        _fork_for_clients(listening)


def _fork_for_clients(listening: socket.socket) -> None:
    """Run the scripts of clients at the same time; return in each fork after its script.

    Each fork holds one end of a pipe, the other end of which is readable once the fork has ended.
    """
    import select

    running: dict[int, tuple[int, socket.socket]] = {}
    incoming = listening.fileno()
    while True:
        ready, _, _ = select.select([incoming, *running], [], [])
        for pipe in running.keys() & {*ready}:
            _report_end(pipe, *running.pop(pipe))
        if incoming not in ready:
            continue
        client, _ = listening.accept()
        _, given, _, _ = socket.recv_fds(client, 1, len(STREAMS) + 1)
        pipe, held = os.pipe()
        fork = os.fork()
        if fork == 0:
            return _become(client, given)
        running[pipe] = fork, client
        client.sendall(f"{fork}\n".encode())
        for descriptor in (*given, held):
            os.close(descriptor)


def _report_end(pipe: int, fork: int, client: socket.socket) -> None:
    """Tell a client the exit code of its fork."""
    os.close(pipe)
    _, status = os.waitpid(fork, 0)
    with client:
        client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(client: socket.socket, given: list[int]) -> None:
    """Run a script as its interpreter does; the process, a fork, ends after it."""
    import ast
    import runpy

    with client.makefile() as order:
        environment, words = ast.literal_eval(order.read())
    *streams, folder = given
    for inherited, stream in zip(STREAMS, streams, strict=True):
        os.dup2(stream, inherited)
    os.fchdir(folder)
    for descriptor in given:
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.argv = words
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as leaving:
        if leaving.code is not None and not isinstance(leaving.code, int):
            raise
        exit_codes.append(leaving.code or 0)
    else:
        exit_codes.append(0)


def _leave() -> None:
    """End a fork without freeing what the server has imported, which costs more than to fork."""
    if exit_codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_codes[0])


if __name__ == "__main__":
    role, address, *words = sys.argv[1:]
    if role == "run":
        sys.exit(run(address, words, started=pass_on_sigterm))
    serve(address, words)
