"""Entry point: runs the command line and turns errors into messages and exit codes."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from types import FrameType

from cofee.errors import INTERRUPTED, SIGNALLED, USAGE, CofeeError, quote

# Rendering creates many long-lived objects; collecting garbage among them takes 5 % of a run.
MANY_OBJECTS = 50_000


def run() -> None:
    """Run the command as a program and exit at once.

    Skip interpreter teardown, which costs 10 % of the run time. All files are closed by now, and
    only the output remains to be flushed.
    """
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = INTERRUPTED
    else:
        code = 0
    with contextlib.suppress(OSError):  # the reader of the pipe has closed it
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command without showing a traceback for a user's mistake or an interrupt."""
    signal.signal(signal.SIGTERM, _leave)
    gc.set_threshold(MANY_OBJECTS)
    try:
        _run_command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run_command() -> None:
    """Import and run the command line; an interrupt while it is imported is caught as well."""
    import typer

    import cofee.cli.modules  # noqa: F401 (its commands register themselves)
    from cofee.cli.app import app
    from cofee.files import reason
    from cofee.git import GitError

    # Click exits with 2 for an invalid command line, but 2 means unresolved conflicts here.
    (mistake,) = typer.BadParameter.__bases__
    mistake.exit_code = USAGE  # type: ignore[attr-defined]  # Typer does not export Click's class
    try:
        app()
    except CofeeError as error:
        _refuse(error)
    except GitError as error:
        hint = "run git in that directory to see the cause"
        _refuse(CofeeError(f"git failed: {error.reason}", hint=hint))
    except OSError as error:
        message = f"{quote(error.filename or 'a file')} cannot be used: {reason(error)}"
        _refuse(CofeeError(message, hint="check the path and its permissions"))


def _refuse(error: CofeeError) -> None:
    from cofee.console.output import Printer

    Printer(as_json="--json" in sys.argv).error(error)
    sys.exit(error.exit_code)


def _leave(number: int, frame: FrameType | None) -> None:
    """Exit by raising, so that partial writes are rolled back."""
    sys.exit(SIGNALLED + number)


if __name__ == "__main__":
    run()
