"""Applies a plan atomically, and completes or aborts a plan with conflicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cofee.engine.merge import holds_markers
from cofee.errors import CofeeError, listing
from cofee.files import Change, File, read_file
from cofee.project import git_index
from cofee.project.journal import Data, Record
from cofee.project.plan import Plan
from cofee.project.project import ANSWERS_FILE, Project

RESOLVE_FIRST = "resolve them, run `git add`, then run again"


def execute(
    project: Project,
    plan: Plan,
    check: Callable[[], None] | None = None,
    kept: Mapping[str, File | None] | None = None,
) -> None:
    """Apply a plan atomically.

    With conflicts, the answers file is not changed until `resume` or `abort`.

    Args:
        check: raises if the written files must be rolled back.
        kept: files that are restored then, because checks may change them.
    """
    data: Data = {"command": plan.command, "is_step": plan.is_step}
    if plan.undoes is not None:
        data["undoes"] = plan.undoes.number
    if not plan.conflicts:
        project.journal.apply([*plan.changes, plan.answers], data, check=check, kept=kept)
        return
    assert plan.answers.after is not None  # noqa: S101 (every template has an answers file)
    data["conflicts"] = [conflict.path for conflict in plan.conflicts]
    data["answers"] = plan.answers.after.content.decode()
    if index := git_index.with_conflicts(project.root, plan.conflicts):
        data["index"] = index
    project.journal.apply(plan.changes, data)


def require_settled(project: Project) -> None:
    """Reject a new operation while one of cofee or git is unfinished."""
    if pending := project.journal.pending():
        raise CofeeError(
            f"`{pending.data['command']}` has unresolved conflicts",
            hint="run `cofee update --continue` or `cofee update --abort`",
        )
    if running := git_index.operation_in_progress(project.root):
        raise CofeeError(
            f"a git {running} is in progress in this service",
            hint=f"finish or abort the {running} first",
        )
    if unmerged := git_index.unmerged(project.root):
        raise CofeeError(f"git has unresolved conflicts in {listing(unmerged)}", hint=RESOLVE_FIRST)


def resume(project: Project) -> Record:
    """Record the new answers once every conflict is resolved.

    Raises:
        CofeeError: no operation is pending, or markers remain; the message has the files.
    """
    record = _pending(project)
    marked = [path for path in record.data["conflicts"] if has_markers(project, path)]
    if marked:
        raise CofeeError(
            "conflict markers remain in " + ", ".join(f"`{path}`" for path in marked),
            hint="remove all `<<<<<<<` and `>>>>>>>` lines, or use `--abort`",
        )
    _require_still_there(project, record)
    current = read_file(project.root / ANSWERS_FILE)
    answers = Change(ANSWERS_FILE, current, File(record.data["answers"].encode()))
    # An undo starts from the resolved files, so they are recorded with the answers.
    standing = [_as_it_stands(project, change) for change in record.changes]
    data: Data = {**_of_the_same_step(record), "completes": record.number}
    resolved = {path: read_file(project.root / path) for path in record.data["conflicts"]}
    if index := git_index.with_files(project.root, resolved):
        data["index"] = index
    project.journal.apply([answers], data, standing=standing)
    return record


def plan_abort(project: Project, *, agreed: bool) -> Plan:
    """Plan the return of every file to its state before the pending operation.

    Args:
        agreed: later edits outside the conflicts may be lost.

    Raises:
        CofeeError: no operation is pending, or files were edited since; the message has them.
    """
    record = _pending(project)
    standing = [_as_it_stands(project, change) for change in record.changes]
    lost = [
        now.path
        for now, then in zip(standing, record.changes, strict=True)
        if now.after not in (then.after, then.before)
    ]
    edited = [path for path in lost if path not in record.data["conflicts"]]
    if edited and not agreed:
        raise CofeeError(
            f"{listing(edited)} was edited since, and the edits would be lost",
            hint="save your edits, or run again with `--yes`",
        )
    back = (Change(change.path, change.after, change.before) for change in standing)
    needed = tuple(change for change in back if change.before != change.after)
    command = f"{record.data['command']} --abort"
    return Plan(command, needed, Change(ANSWERS_FILE, None, None), is_step=bool(lost))


def abort(project: Project, plan: Plan) -> None:
    """Apply the plan of `plan_abort`; `cofee undo` restores the edits made in between."""
    record = _pending(project)
    data: Data = {
        "command": plan.command,
        "is_step": plan.is_step,
        "completes": record.number,
    }
    if index := git_index.with_former(project.root, record.data.get("index")):
        data["index"] = index
    project.journal.apply(plan.changes, data)


def has_markers(project: Project, path: str) -> bool:
    """Return whether a file still has conflict markers of cofee."""
    return holds_markers(read_file(project.root / path))


def _as_it_stands(project: Project, change: Change) -> Change:
    return change._replace(after=read_file(project.root / change.path))


def _require_still_there(project: Project, record: Record) -> None:
    """Reject an operation that was reverted by other means, such as `git reset`."""
    clean = [change for change in record.changes if change.path not in record.data["conflicts"]]
    standing = [read_file(project.root / change.path) for change in clean]
    if clean and all(now == then.before for now, then in zip(standing, clean, strict=True)):
        raise CofeeError(
            f"`{record.data['command']}` was reverted outside cofee, so it cannot continue",
            hint="run `cofee update --abort`, then start again",
        )


def _of_the_same_step(record: Record) -> Data:
    """Return the data of an operation without what it waits for."""
    data: Data = {
        "command": record.data["command"],
        "is_step": record.data.get("is_step", False),
    }
    if undone := record.data.get("undoes"):
        data["undoes"] = undone
    return data


def _pending(project: Project) -> Record:
    record = project.journal.pending()
    if record is None:
        raise CofeeError("no update is in progress", hint="run `cofee status` to see the service")
    return record
