"""Undoes the last command: the same merge with the sides swapped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cofee.commands import database
from cofee.commands.database import Removal
from cofee.commands.session import finish, opened
from cofee.console import output
from cofee.console.confirm import confirm_broken
from cofee.console.mode import Options
from cofee.errors import CofeeError
from cofee.files import File, read_file, with_endings_of
from cofee.project import git_index, project, sides
from cofee.project.journal import Record
from cofee.project.plan import Plan, plan_merge
from cofee.project.project import ANSWERS_FILE, Project
from cofee.template.upgrade_notes import follow_up


@dataclass(frozen=True)
class Undo:
    """A planned undo, and what it needs of the user."""

    plan: Plan
    record: Record
    removal: Removal | None  # of its migrations
    mentions: tuple[str, ...]  # hand-written lines that use what it removes


def undo(directory: Path, options: Options, *, downgrade: bool) -> None:
    """Run `cofee undo`.

    Args:
        downgrade: revert its migration in the database first, if that has applied it.
    """
    with opened(directory, options) as found:
        planned = plan_undo(found)
        options.printer.say(f"undoing `{planned.record.data['command']}`")
        broken = confirm_broken(found, planned.plan, options)
        removal = planned.removal
        database.agree(found, removal, options, "Undo it now?", downgrade=downgrade)
        options.printer.listed("uses of removed names:", planned.mentions)
        steps = follow_up(found.template, planned.plan.outcome)
        more = {
            "notes": [removal.note] if removal and removal.note else [],
            "broken": broken,
            "mentions": planned.mentions,
        }
        finish(found, planned.plan, options, next_steps=steps, more=more)


def show_records(directory: Path, options: Options) -> None:
    """Run `cofee undo --list`."""
    found = project.find(directory)
    found.journal.recover()
    rows = [
        {
            "command": record.data["command"],
            "at": _time(record).isoformat(),
            "files": sorted(change.path for change in record.writes),
            "can_be_undone": record.can_be_undone,
            "state": _state(record),
        }
        for record in reversed(found.journal.records())
    ]
    for row in rows if not options.as_json else ():
        output.write(f"{row['at']}  {row['command']} ({row['state']})\n")
    if not rows:
        options.printer.say("no command is recorded for this service")
    options.printer.data({"command": "cofee undo --list", "records": rows})


def _state(record: Record) -> str:
    """Return whether an operation was undone or can be."""
    if record.can_be_undone:
        return "can be undone"
    if record.is_pending:
        return "has unresolved conflicts"
    if not record.data.get("is_step"):
        return "cannot be undone"
    return "completed or aborted" if record.awaits else "already undone"


def _time(record: Record) -> dt.datetime:
    """Return when an operation was recorded, in local time."""
    return dt.datetime.fromtimestamp(record.recorded_at).astimezone().replace(microsecond=0)


def plan_undo(project: Project) -> Undo:
    """Plan the undo of the last command. Files without later edits are restored byte for byte.

    Raises:
        CofeeError: there is nothing to undo, or the migration is committed.
    """
    record = _last_step(project)
    written = [change.path for change in record.changes if change.after and not change.before]
    revisions = [path for path in written if project.migrations.holds(path)]
    _require_no_history(project, record, revisions)
    after = {change.path: change.after for change in record.changes if change.after}
    before = {change.path: change.before for change in record.changes if change.before}
    _require_same_answers(project, record, after.get(ANSWERS_FILE))
    rest = _rest(project, after)
    command = f"cofee undo of `{record.data['command']}`"
    planned = plan_merge(project, command, {**rest, **after}, {**rest, **before}, is_step=False)
    planned = replace(planned, undoes=record)
    uses = sides.uses_of_removed(
        project, planned, after, before, lambda: {**sides.rendered_now(project), **before}
    )
    removal = database.plan_removal(project, revisions)
    return Undo(planned, record, removal, tuple(map(str, uses)))


def _rest(project: Project, after: Mapping[str, File]) -> dict[str, File]:
    """Return all other generated files if one is missing and may have been moved.

    Without them, git would treat an unchanged file of another module as the missing file.
    """
    if all((project.root / path).exists() for path in after):
        return {}
    rendered = sides.rendered_now(project)
    return {path: file for path, file in rendered.items() if path not in after}


def _last_step(project: Project) -> Record:
    for record in reversed(project.journal.records()):
        if record.can_be_undone:
            return record
    raise CofeeError(
        "nothing to undo: no command is recorded for this service",
        hint="cofee records the last 20 commands that wrote, in this clone only",
    )


def _require_no_history(project: Project, record: Record, revisions: list[str]) -> None:
    """Reject the removal of a migration that others may have applied."""
    for path in revisions:
        if git_index.is_committed(project.root, path):
            raise CofeeError(
                f"`{record.data['command']}` cannot be undone: its migration `{path}` is in git",
                hint="change the module again instead, which writes a new migration",
            )
        if not project.migrations.is_head(path, besides=revisions):
            raise CofeeError(
                f"`{record.data['command']}` cannot be undone: "
                f"another migration builds on `{path}`",
                hint="delete the later migration first, or change the module again instead",
            )


def _require_same_answers(project: Project, record: Record, answers: File | None) -> None:
    current = read_file(project.root / ANSWERS_FILE)
    if answers is not None and current != with_endings_of(answers, current):
        raise CofeeError(
            f"`{ANSWERS_FILE}` was changed since `{record.data['command']}`",
            hint="restore the file to what that command wrote, then try again",
        )
