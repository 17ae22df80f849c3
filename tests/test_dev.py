"""`python -m dev` stops the servers that it has started, whenever it is stopped itself."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.generated import REPOSITORY, environment, rendered_here, variables
from tests.tiny import write

pytestmark = pytest.mark.service

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


KILLED = """\
import os, sys
from dev import __main__ as dev

sys.exit(dev.run(["sh", "-c", "kill -TERM $$"], dict(os.environ)))
"""


def run(folder: Path, script: str, *arguments: str) -> tuple[int, str, str]:
    """Run a script with the package `dev`; return its exit code and what it prints."""
    tree = rendered_here({"auth": "none"})
    dev = {path: file.content.decode() for path, file in tree.items() if path.startswith("dev/")}
    write(folder, dev)
    done = subprocess.run(
        ["python", "-c", script, *arguments],
        cwd=folder,
        env=variables(environment(REPOSITORY)),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_start_stops_the_servers(tmp_path: Path, number: int) -> None:
    """It prints no traceback."""
    said = run(tmp_path, STARTING, "true", str(int(number)))

    assert said == (128 + number, "stopped\n", "")


def test_exit_code_of_a_killed_command_is_that_of_a_shell(tmp_path: Path) -> None:
    assert run(tmp_path, KILLED) == (128 + signal.SIGTERM, "", "")
