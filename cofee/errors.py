"""What a command says when it refuses: one sentence, perhaps a hint, and an exit code.

CofeeError        1   the command refuses; nothing was written
└── UsageError   64   the command line itself is wrong
"""

from __future__ import annotations

from collections.abc import Iterable

# The exit codes; 0 is success.
REFUSED = 1
PENDING = 1  # of `cofee status --check`
CONFLICTS_LEFT = 2
USAGE = 64
SIGNALLED = 128  # plus the number of the signal, as shells count it
INTERRUPTED = SIGNALLED + 2  # SIGINT

LONGEST_QUOTE = 80


class CofeeError(Exception):
    """A refusal that a user can act on; the command prints it without a traceback."""

    exit_code = REFUSED

    def __init__(
        self, message: str, hint: str | None = None, *, exit_code: int | None = None
    ) -> None:
        """Keep the sentence and the hint apart, because `--json` prints them apart.

        Args:
            message: what is wrong and what is allowed; values in backticks, no full stop.
            hint: one line that says what to do instead.
            exit_code: for the rare refusal that is neither 1 nor 64, such as a conflict.
        """
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(CofeeError):
    """The command line is wrong: an option that is missing, unknown or contradicts another."""

    exit_code = USAGE


def quote(value: object) -> str:
    """Put a user's value into backticks, safe to print whatever it holds."""
    text = str(value)
    if not text.isprintable():
        text = ascii(text)[1:-1]
    if len(text) > LONGEST_QUOTE:
        text = f"{text[: LONGEST_QUOTE - 1]}…"
    return f"`{text}`"


def listing(values: Iterable[object]) -> str:
    """Name what is allowed, each value in backticks: `a`, `b`, `c`."""
    return ", ".join(quote(value) for value in values)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Give the hint that names the nearest known word, when one is near enough.

    A number or a version is never meant by another one, however alike they look.
    """
    import difflib  # only a refusal needs it, and start-up is measured

    words = [one for one in known if any(map(str.isalpha, one))]
    nearest = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"did you mean `{nearest[0]}`?" if nearest else None
