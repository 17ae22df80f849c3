"""Runs the tests in several processes: `python -m pytest -p tests.parallel -n auto`.

Each of them has servers of its own. This one only distributes the tests, and needs none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

MAX_PROCESSES = 4  # more of them would take longer to start than they save
PLUGINS = ("tests.fixtures", "tests.servers", "tests.streams", "tests.attachments")
SERVERS = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT", "EMBEDDING_URL", "QDRANT_URL")
IN_MEMORY = "sqlite+aiosqlite://"
MEMORY = Path("/dev/shm")  # noqa: S108  # the name of a folder in it is drawn
ROOM = 2 * 2**30


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Load neither the application nor servers if other processes run the tests."""
    options = early_config.known_args_namespace
    if "PYTEST_XDIST_WORKER" in os.environ or not count_processes(options):
        return (yield)
    keep_files_in_memory(early_config)
    for name in PLUGINS:
        early_config.pluginmanager.set_blocked(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_DATABASE_URL", IN_MEMORY)
        return (yield)


def keep_files_in_memory(config: pytest.Config) -> None:
    """Let what the servers store be in memory where there is room, until the run ends."""
    if not MEMORY.is_dir():
        return
    place = os.statvfs(MEMORY)
    # Where other users cannot enter the environment, root runs a copy of PostgreSQL's programs.
    if place.f_flag & os.ST_NOEXEC or place.f_bavail * place.f_frsize < ROOM:
        return
    folder = tempfile.mkdtemp(prefix="tests-", dir=MEMORY)
    Path(folder).chmod(0o755)  # root runs PostgreSQL as another user
    os.environ["TMPDIR"] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return what `-n auto` means."""
    return count_processes(config.option)


def pytest_keyboard_interrupt() -> None:
    """Let nothing interrupt the end of the servers: a terminal and pytest-xdist ask for it, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def count_processes(options: argparse.Namespace) -> int:
    """Return how many processes to start, 0 if this one runs the tests."""
    if options.numprocesses != "auto":
        return options.numprocesses or 0
    cores = os.cpu_count() or 1
    # One more than there are cores, because tests wait for time and for servers.
    return 0 if cores == 1 or is_small(options) else min(cores + 1, MAX_PROCESSES)


def is_small(options: argparse.Namespace) -> bool:
    """Return whether one process has to be enough: for a few tests, a debugger, or given servers."""
    given = {os.environ.get(f"TEST_{name}") for name in SERVERS} - {None, "", IN_MEMORY}
    few = options.file_or_dir or options.keyword or options.lf or options.collectonly
    return bool(given or few or options.usepdb or options.capture == "no")
