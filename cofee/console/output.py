"""Output: one line per file, then the next steps.

Data goes to stdout (`--json`, `--diff`), the rest to stderr.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cofee.errors import CofeeError
from cofee.files import Change, File, lines_of, reason
from cofee.project.plan import Plan

COLOURS = {
    "create": "32", "update": "33", "remove": "31", "conflict": "1;31", "deleted": "2",
    "error": "1;31", "hint": "36", "next": "36", "note": "1",
}  # fmt: skip


class OutputError(CofeeError):
    """Standard output cannot be written, for example because its disk is full."""

    def __init__(self, error: OSError) -> None:
        message = f"the output cannot be written: {reason(error)}"
        super().__init__(message, hint="write it to another place")


@dataclass(frozen=True)
class Printer:
    """Prints according to the options of the run."""

    as_json: bool = False
    quiet: bool = False

    def say(self, text: str) -> None:
        """Print a line to stderr unless the run is quiet."""
        if not self.as_json and not self.quiet:
            print(text, file=sys.stderr)

    def listed(self, heading: str, lines: Sequence[str]) -> None:
        """Print lines under a heading, if there are any."""
        for text in (heading, *(f"  {line}" for line in lines)) if lines else ():
            self.say(text)

    def verb(self, verb: str, text: str) -> None:
        """Print a right-aligned coloured verb and its object."""
        self.say(f"{paint(f'{verb:>10}', verb)}  {text}")

    def plan(self, plan: Plan) -> None:
        """Print one line per file."""
        for row in files(plan):
            self.verb(row["action"], row["path"])

    def data(self, document: Mapping[str, object]) -> None:
        """Print the document of `--json`."""
        if self.as_json:
            write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")

    def error(self, error: CofeeError) -> None:
        """Print an error and its hint."""
        if self.as_json and not isinstance(error, OutputError):
            self.data({"error": error.message, "hint": error.hint, "exit_code": error.exit_code})
            return
        print(f"{paint('error', 'error')}: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"\n{paint('hint', 'hint')}: {error.hint}", file=sys.stderr)


def write(text: str) -> None:
    """Write data to stdout as UTF-8, regardless of the encoding of the terminal."""
    sys.stdout.flush()
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:  # stdout was replaced with a text stream
        sys.stdout.write(text)
        return
    try:
        stream.write(text.encode(errors="surrogateescape"))
        stream.flush()
    except BrokenPipeError:  # the reader has enough
        raise
    except OSError as error:
        raise OutputError(error) from error


def paint(text: str, kind: str) -> str:
    """Return a text with colour, if stderr is a terminal and colours are enabled."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    if plain or not sys.stderr.isatty():
        return text
    return f"\033[{COLOURS.get(kind, '0')}m{text}\033[0m"


def files(plan: Plan) -> list[dict[str, str]]:
    """Return what happens to each file: `create`, `update`, `remove`, `conflict` or `deleted`."""
    conflicts = {conflict.path: conflict.reason for conflict in plan.conflicts}
    rows = [
        {"path": change.path, "action": action(change)}
        for change in plan.changes
        if change.path not in conflicts
    ]
    rows += [
        {
            "path": path,
            "action": "deleted",
            "reason": "you deleted this file, so it is not created again",
        }
        for path in plan.still_deleted
    ]
    if plan.answers.before != plan.answers.after and not conflicts:
        rows.append({"path": plan.answers.path, "action": action(plan.answers)})
    rows += [
        {"path": path, "action": "conflict", "reason": reason} for path, reason in conflicts.items()
    ]
    return rows


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan as `--json` prints it."""
    return {
        "command": plan.command,
        "files": files(plan),
        "conflicts": [conflict.path for conflict in plan.conflicts],
    }


def patch_of(changes: Iterable[Change]) -> str:
    """Return a patch of single changes."""
    return "".join(line for change in changes for line in _diff(change))


def patch(plan: Plan) -> str:
    """Return the plan as a unified diff for `git apply`."""
    changes: Sequence[Change] = plan.changes
    if not plan.conflicts:
        changes = (*changes, plan.answers)
    return patch_of(changes)


def _diff(change: Change) -> Iterator[str]:
    before, after = _lines(change.before), _lines(change.after)
    if before == after:
        return
    yield f"diff --git a/{change.path} b/{change.path}\n"
    if change.before is None or change.after is None:
        mode = (change.after or change.before or File(b"")).mode
        yield f"{'new' if change.before is None else 'deleted'} file mode {mode:o}\n"
    old = f"a/{change.path}" if change.before is not None else "/dev/null"
    new = f"b/{change.path}" if change.after is not None else "/dev/null"
    yield from _ending(difflib.unified_diff(before, after, old, new))


def _ending(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(file: File | None) -> list[str]:
    if file is None:
        return []
    return lines_of(file.content.decode(errors="surrogateescape"))


def action(change: Change) -> str:
    """Return the verb for what happens to a file."""
    if change.before is None:
        return "create"
    return "remove" if change.after is None else "update"
