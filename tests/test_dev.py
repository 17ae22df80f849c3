"""`python -m dev` stops the servers that it has started, whenever it is stopped itself."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.generated import REPOSITORY, environment, rendered_here, variables
from tests.tiny import write

# Starts a server that never becomes ready, and gets a signal then.
STARTING = """\
import contextlib, os, signal, sys
from dev import __main__ as dev

@contextlib.contextmanager
def starting(**_):
    try:
        os.kill(os.getpid(), int(sys.argv.pop()))
        yield {}
    finally:
        print("stopped")

signal.signal(signal.SIGINT, signal.default_int_handler)  # off in the background
dev.serve_database = starting
sys.exit(dev.main())
"""


@pytest.mark.service
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_start_stops_the_servers(tmp_path: Path, number: int) -> None:
    """It prints no traceback."""
    tree = rendered_here({"auth": "none"})
    dev = {path: file.content.decode() for path, file in tree.items() if path.startswith("dev/")}
    write(tmp_path, dev)

    done = subprocess.run(
        ["python", "-c", STARTING, "true", str(int(number))],
        cwd=tmp_path,
        env=variables(environment(REPOSITORY)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "stopped\n", "")
