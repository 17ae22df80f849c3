"""The entry point: runs the command line, and turns a refusal into a sentence and an exit code."""

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

# Rendering makes many objects that stay: looking for garbage among them takes a twentieth of a run.
MANY_OBJECTS = 50_000

# Click's error for a wrong command line ends with 2, which here means that conflicts are left.
(UsageMistake,) = typer.BadParameter.__bases__
UsageMistake.exit_code = USAGE  # type: ignore[attr-defined]  # Typer does not export Click's class


def run() -> None:
    """Run the command as a program, and end it at once.

    Python would take apart every object that was imported or rendered, for a tenth of a run. By now
    all files are closed, and what was printed is all that is left to be written.
    """
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    else:
        code = 0
    with contextlib.suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command; never shows a traceback for a user's mistake."""
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
    """Leave by an exception, so that what is half-written is rolled back on the way out."""
    sys.exit(SIGNALLED + number)


if __name__ == "__main__":
    run()
