"""Steps that commands share: open the service, show a plan, apply it and exit."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cofee.console import output
from cofee.console.mode import Options
from cofee.errors import CONFLICTS_LEFT, CofeeError
from cofee.files import read_file
from cofee.project import apply, project
from cofee.project.plan import Plan
from cofee.project.project import Project

if TYPE_CHECKING:
    from cofee.template.ask import Ask

GO_ON = (
    "resolve each conflict, then run `cofee update --continue`, or `cofee update --abort` to undo"
)


@contextlib.contextmanager
def opened(directory: Path, options: Options) -> Iterator[Project]:
    """Open the service, with its lock unless the command is a preview."""
    found = project.find(directory)
    found.journal.recover()
    with found.journal.lock() if options.writes else contextlib.nullcontext():
        apply.require_settled(found)
        yield found


def finish(
    found: Project,
    plan: Plan,
    options: Options,
    *,
    next_steps: Sequence[str] = (),
    more: Mapping[str, object] | None = None,
    notes: list[str] | None = None,
    concerned: Collection[str] = (),
) -> None:
    """Show a plan, apply it unless it is a preview, and exit with the right code.

    Args:
        concerned: the modules with the tests that `--verify` runs; empty for all tests.
    """
    if options.diff and not options.as_json:
        output.write(output.patch(plan))
    else:
        options.printer.plan(plan)
    if options.writes and not plan.is_empty:
        _apply(found, plan, options, concerned)
    _say_what_is_next(plan, options, next_steps, notes or [])
    written = options.writes and not plan.is_empty
    options.printer.data({**output.document(plan), **(more or {}), "written": written})
    if plan.conflicts:
        sys.exit(CONFLICTS_LEFT)


def _apply(found: Project, plan: Plan, options: Options, concerned: Collection[str]) -> None:
    if not options.verify or plan.conflicts:
        apply.execute(found, plan)
        return
    from cofee.commands import verify

    # Checks bring the lock file in line with the dependencies.
    path = found.template.facts.lock
    lock = read_file(found.root / path)
    options.printer.say("verifying: running the checks before the change …")
    failing = verify.failures(found, concerned)

    def check() -> None:
        options.printer.say("verifying: running the checks after the change …")
        try:
            verify.require_still_green(found, failing, concerned)
        except CofeeError as error:
            raise _with_database(found, plan, error) from error

    apply.execute(found, plan, check, {path: lock})


def _with_database(found: Project, plan: Plan, error: CofeeError) -> CofeeError:
    """Return an error with what to do if `poe dev` has applied the migration in the meantime."""
    from cofee.commands import database

    added = [one.path for one in plan.changes if one.before is None and one.after is not None]
    removal = database.plan_removal(found, list(filter(found.migrations.holds, added)))
    if removal is None or not removal.is_applied:
        return error
    again = "run the command without `--verify`, then `cofee undo --downgrade`"
    return CofeeError(error.message, hint=f"{removal.note} in the meantime: {again}")


def _say_what_is_next(
    plan: Plan, options: Options, next_steps: Sequence[str], notes: list[str]
) -> None:
    printer = options.printer
    for note in notes:
        printer.verb("note", note)
    if plan.is_empty:
        printer.say("nothing to do: everything is up to date")
    elif not options.writes:
        printer.say("nothing was written")
    elif plan.conflicts:
        for conflict in plan.conflicts:
            printer.say(f"{conflict.path}: {conflict.reason}")
        printer.verb("next", GO_ON)
    else:
        for step in next_steps:
            printer.verb("next", step)


def asker(options: Options) -> Ask | None:
    """Return the function that asks questions, or None without a terminal."""
    if not options.interactive:
        return None
    from cofee.template.ask import ask

    return ask
