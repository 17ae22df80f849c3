"""The servers of a test run: new ones, or those that `TEST_REDIS_URL` and the like name.

A plugin of pytest, which loads it before the application reads its settings.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile
from pathlib import Path

from dev.servers import SERVERS, started


def start_servers() -> dict[str, str]:
    """Start the servers that are not given, until the end of the run, and return the settings."""
    given = {name: os.environ[f"TEST_{name}"] for name in SERVERS if f"TEST_{name}" in os.environ}
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    return given | stack.enter_context(started(Path(folder), given.get))


os.environ.update(start_servers())
