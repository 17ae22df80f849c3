"""Runs inside the environment of generated services: programs of one service after another.

Importing pytest, FastAPI and SQLAlchemy takes as long as the tests of a small service. Here it is
done once: each run is a fork of this process, which has them already, and knows nothing of the
services before it.

Each line of standard input is a run, as JSON: the service's folder, the program (`pytest`, or the
path of a script) with its arguments, variables of the environment, the file that is its standard
input, and the file for what it prints. Each line of standard output is the exit code of one.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

IMPORTED_ONCE = (
    "alembic.command",
    "aiosqlite",
    "fastapi",
    "httpx2",
    "pytest_asyncio",
    "sqlalchemy.ext.asyncio",
)


def run_program(
    folder: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    given: str,
    printed: str,
) -> None:
    """Leave this process, which is a fork, by running a program of a service.

    It exits as any program does, so that a database that a test started is stopped.
    """
    output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    sys.stdin = Path(given).open()  # noqa: SIM115 (it is open as long as the process)
    os.environ.update(variables)
    os.chdir(folder)
    code = 1
    try:
        code = _code(*command)
    except Exception:
        traceback.print_exc()
    sys.exit(code)


def _code(program: str, *arguments: str) -> int:
    """Run a program in this process; return its exit code."""
    if program == "pytest":
        import pytest

        return int(pytest.main(list(arguments)))
    warnings.simplefilter("ignore")
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")
    return 0


def main() -> None:
    """Run what is asked for, until standard input ends."""
    for name in IMPORTED_ONCE:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run_program(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
