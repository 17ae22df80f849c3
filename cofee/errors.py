"""Errors shown to the user: a message, an optional hint and an exit code.

CofeeError            1   the command failed and wrote nothing
├── CancelledError    1   the user cancelled a prompt
├── StoppedError    130   the user pressed Ctrl-C while files were written
└── UsageError       64   the command line is invalid
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

# The exit codes; 0 is success.
REFUSED = 1
PENDING = 1  # of `cofee status --check`
FOUND = 1  # of `cofee check`
CONFLICTS_LEFT = 2
USAGE = 64
SIGNALLED = 128  # plus the number of the signal, as shells count it
INTERRUPTED = SIGNALLED + 2  # SIGINT

LONGEST_QUOTE = 80

Item = TypeVar("Item")


class CofeeError(Exception):
    """An error that the user can act on. It is printed without a traceback."""

    exit_code = REFUSED

    def __init__(
        self, message: str, hint: str | None = None, *, exit_code: int | None = None
    ) -> None:
        """Store the message and the hint separately, as `--json` prints them.

        Args:
            message: what is wrong, with values in backticks and without a full stop.
            hint: what to do, unless the message says what is allowed.
            exit_code: if it is not that of the class.
        """
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(CofeeError):
    """The command line is invalid: an option is missing, unknown or conflicts with another."""

    exit_code = USAGE


class CancelledError(CofeeError):
    """The user cancelled a prompt."""

    def __init__(self) -> None:
        super().__init__("cancelled; nothing was written")


class StoppedError(CofeeError):
    """The user pressed Ctrl-C, and what was written by then was removed."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted; nothing was kept")


class SeveralError(CofeeError):
    """Several problems, one on a line."""

    def __init__(self, problems: Iterable[CofeeError]) -> None:
        self.problems = tuple(problems)
        lines = ["; ".join(filter(None, (one.message, one.hint))) for one in self.problems]
        super().__init__("\n  ".join([f"there are {len(lines)} problems:", *lines]))


class Problems:
    """Collects problems, so that all of them are reported at once."""

    def __init__(self) -> None:
        self._found: list[CofeeError] = []

    @contextmanager
    def collected(self, where: str = "") -> Iterator[None]:
        """Collect the problems of a block; their messages begin with `where`."""
        try:
            yield
        except SeveralError as several:
            self._found += [_within(where, problem) for problem in several.problems]
        except CofeeError as problem:
            self._found.append(_within(where, problem))

    def require_none(self) -> None:
        """Raise the only problem, or all of them."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise SeveralError(self._found)


def check_each(check: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Check every item, and raise all problems."""
    problems = Problems()
    for item in items:
        with problems.collected():
            check(item)
    problems.require_none()


def _within(where: str, problem: CofeeError) -> CofeeError:
    message = f"{where}: {problem.message}" if where else problem.message
    return CofeeError(message, hint=problem.hint)


def quote(value: object) -> str:
    """Return a user's value in backticks, escaped and shortened for printing."""
    text = str(value)
    if not text.isprintable():
        text = ascii(text)[1:-1]
    if len(text) > LONGEST_QUOTE:
        text = f"{text[: LONGEST_QUOTE - 1]}…"
    return f"`{text}`"


def listing(values: Iterable[object]) -> str:
    """Return values in backticks, separated by commas."""
    return ", ".join(quote(value) for value in values)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint with the most similar known word, or None.

    Numbers and versions are never suggested, because similar ones are usually unrelated.
    """
    import difflib  # imported only for an error, because start-up time is measured

    words = [one for one in known if any(map(str.isalpha, one))]
    nearest = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"did you mean `{nearest[0]}`?" if nearest else None
