"""Entry point: runs the command line and turns errors into messages and exit codes."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from types import FrameType

import typer

import cofee.cli.modules  # noqa: F401 (its commands register themselves)
from cofee.cli.app import app
from cofee.errors import INTERRUPTED, SIGNALLED, USAGE, CofeeError, quote
from cofee.git import GitError

# Rendering creates many long-lived objects; collecting garbage among them takes 5 % of a run.
MANY_OBJECTS = 50_000

# Click exits with 2 for an invalid command line, but 2 means unresolved conflicts here.
(UsageMistake,) = typer.BadParameter.__bases__
UsageMistake.exit_code = USAGE  # type: ignore[attr-defined]  # Typer does not export Click's class


def run() -> None:
    """Run the command as a program and exit at once.

    Skip interpreter teardown, which costs 10 % of the run time. All files are closed by now, and
    only the output remains to be flushed.
    """
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    else:
        code = 0
    with contextlib.suppress(OSError):  # the reader of the pipe has closed it
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command without showing a traceback for a user's mistake."""
    signal.signal(signal.SIGTERM, _leave)
    gc.set_threshold(MANY_OBJECTS)
    try:
        app()
    except CofeeError as error:
        _refuse(error)
    except GitError as error:
        _refuse(
            CofeeError(
                f"git failed: {str(error).splitlines()[-1]}",
                hint="run git in that directory to see the cause",
            )
        )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"{quote(error.filename or 'a file')} cannot be used: {reason}"
        _refuse(CofeeError(message, hint="check the path and its permissions"))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _refuse(error: CofeeError) -> None:
    from cofee.console.output import Printer

    Printer(as_json="--json" in sys.argv).error(error)
    sys.exit(error.exit_code)


def _leave(number: int, frame: FrameType | None) -> None:
    """Exit by raising, so that partial writes are rolled back."""
    sys.exit(SIGNALLED + number)


if __name__ == "__main__":
    run()
