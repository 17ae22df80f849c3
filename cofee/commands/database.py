"""What the database of a service has applied, asked before a migration is removed.

A database that has applied a migration without a file cannot be migrated. The service is
asked in the way that its template states: its code is never imported here.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cofee.console.confirm import confirm
from cofee.console.mode import Options
from cofee.errors import CancelledError, CofeeError, listing, quote
from cofee.files import reason
from cofee.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

SEE = "nothing was written; run it in the service to see the cause"
WAITED = 60  # seconds; a server of the service's own has to start


@dataclass(frozen=True)
class Removal:
    """Migrations to remove, and what the database says of them.

    Attributes:
        is_applied: None if it could not be asked.
        reason: why it could not.
        downgrade: the command that reverts them in the database.
    """

    paths: tuple[str, ...]
    is_applied: bool | None
    reason: str
    downgrade: str

    @property
    def note(self) -> str | None:
        """What the user has to know, if anything."""
        if self.is_applied is None:
            why = f"the database could not be asked ({self.reason})"
            return f"{why}: if {listing(self.paths)} was applied, run `{self.downgrade}` first"
        return f"the database has applied {listing(self.paths)}" if self.is_applied else None


def plan_removal(found: Project, paths: Sequence[str]) -> Removal | None:
    """Ask the database whether it has applied some migrations; None without any."""
    standing = [path for path in paths if (found.root / path).is_file()]
    if not standing:
        return None
    places = [found.migrations.place_of(path) for path in standing]
    revisions = {str(place["revision"]) for place in places}
    below = (str(place["down_revision"] or "base") for place in places)
    parent = next(revision for revision in below if revision not in revisions)
    downgrade = f"{found.migrations.alembic} downgrade {parent}"
    try:
        at = _revisions(found)
    except CofeeError as error:
        return Removal(tuple(standing), None, error.message, downgrade)
    if at is None:
        unknown = "its template has no `_cofee_applied`"
        return Removal(tuple(standing), None, unknown, downgrade)
    return Removal(tuple(standing), not revisions.isdisjoint(at), "", downgrade)


def agree(
    found: Project,
    removal: Removal | None,
    options: Options,
    question: str,
    *,
    downgrade: bool | None,
) -> None:
    """Ask before a migration that was applied is removed, and revert it first if that is wanted.

    Args:
        question: what is asked if the database could not be.
        downgrade: whether to revert it without asking; None if the command has no such option.

    Raises:
        CofeeError: it was applied and there is no terminal to ask, or the downgrade failed.
    """
    if removal is None or removal.note is None:
        return
    if removal.is_applied and options.writes and not (downgrade or _can_agree(options)):
        raise _refusal(removal, has_option=downgrade is not None)
    options.printer.verb("note", removal.note)
    if not options.writes:
        return
    if removal.is_applied is None:
        confirm(question, options)
    elif downgrade or _wants_downgrade(removal, options):
        options.printer.say(f"running `{removal.downgrade}` …")
        _output(found, removal.downgrade)
    else:
        again = "to revert it later, run the undone command again: it writes the same revision"
        options.printer.verb("note", f"the database stays as it is; {again}")


def _can_agree(options: Options) -> bool:
    return options.yes or options.interactive


def _refusal(removal: Removal, *, has_option: bool) -> CofeeError:
    how = " or use `--downgrade`" if has_option else ""
    return CofeeError(
        f"the database has applied {listing(removal.paths)}, which this would remove",
        hint=f"run `{removal.downgrade}` first{how}: it deletes what the migration added, with all "
        "rows; `--yes` leaves the database as it is",
    )


def _wants_downgrade(removal: Removal, options: Options) -> bool:
    """Ask what to do with the database.

    Raises:
        CancelledError: the user wants neither to revert the migration nor to leave it there.
    """
    if options.yes:
        return False
    from cofee.console import wizard

    lost = "It deletes what the migration added, with all rows."
    if wizard.confirm(f"Run `{removal.downgrade}` first? {lost}", default=False):
        return True
    if not wizard.confirm("Remove the file, and leave the database as it is?", default=False):
        raise CancelledError
    return False


def _revisions(found: Project) -> set[str] | None:
    """Return the revisions that the database is at; None if the template does not say how."""
    command = found.template.setting("cofee_applied", None)
    if command is None:
        return None
    lines = _output(found, command).splitlines()
    return {line.split()[0] for line in lines if line.strip()}


def _output(found: Project, command: str) -> str:
    """Run a command of the service and return its output.

    Raises:
        CofeeError: it fails; the message has the last line that it printed.
    """
    if not _programs(found).is_dir():
        raise CofeeError(
            f"there is no environment `{_programs(found).parent.name}`", hint="run `uv sync`"
        )
    try:
        process = subprocess.Popen(
            shlex.split(command),
            cwd=found.root,
            env=_environment(found),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise CofeeError(f"`{command}` cannot be run: {reason(error)}", hint=SEE) from error
    with process:
        try:
            printed, errors = process.communicate(timeout=WAITED)
        except subprocess.TimeoutExpired:
            process.terminate()  # so that it stops the servers that it has started
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(WAITED)
            process.kill()
            raise CofeeError(f"`{command}` did not end within {WAITED} s", hint=SEE) from None
    if process.returncode:
        last = [line.strip() for line in errors.splitlines() if line.strip()][-1:]
        raise CofeeError(f"`{command}` failed: {quote(*last or ['no output'])}", hint=SEE)
    return printed


def _environment(found: Project) -> Mapping[str, str]:
    """Return the variables with the programs of the service first.

    Its Python leaves no bytecode in its folders, where it would outlive what is removed.
    """
    path = f"{_programs(found)}:{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _programs(found: Project) -> Path:
    """Return the programs of the service's environment, which is not made if it is missing."""
    return found.root / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv") / "bin"
