"""Runs inside the environment of generated services: the tests of one service after another.

Importing pytest, FastAPI and SQLAlchemy takes as long as the tests of a small service. Here it is
done once: each run is a fork of this process, which has them already, and knows nothing of the
services before it.

Each line of standard input is a run: the service's folder, pytest's arguments and the file for what
is printed. Each line of standard output is the exit code of one.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

IMPORTED_ONCE = (
    "alembic.command",
    "aiosqlite",
    "fastapi",
    "httpx2",
    "pytest_asyncio",
    "sqlalchemy",
)


def run_tests(folder: str, arguments: list[str], printed: str) -> None:
    """Leave this process, which is a fork, by running the tests of a service."""
    import pytest

    output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.chdir(folder)
    code = int(pytest.main(arguments))
    sys.stdout.flush()
    os._exit(code)


def main() -> None:
    """Run what is asked for, until nobody asks any more."""
    for name in IMPORTED_ONCE:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run_tests(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
