"""The one way to change a project: render two sides, merge the difference, apply it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cofee.engine.merge import TEMPLATE, YOURS, Conflict, merge
from cofee.errors import CofeeError, listing
from cofee.files import LINK, File, Tree, is_crlf, read_file, with_crlf
from cofee.project import git_index, worktree
from cofee.project.project import ANSWERS_FILE, Project
from cofee.project.recording import Change, Record

RESOLVE_FIRST = "resolve them, `git add` the files, and run this again"


@dataclass(frozen=True)
class Plan:
    """What a command is about to do.

    `answers` is written last, and only once no conflict is left.
    """

    command: str
    changes: tuple[Change, ...]
    answers: Change
    conflicts: tuple[Conflict, ...] = ()
    still_deleted: tuple[str, ...] = ()
    is_step: bool = True  # whether `cofee undo` can take it back
    undoes: Record | None = None  # the operation that it takes back

    @property
    def is_empty(self) -> bool:
        return not self.changes and self.answers.before == self.answers.after

    @property
    def removed(self) -> list[Conflict]:
        """The files that the template takes away and the user edited."""
        return [conflict for conflict in self.conflicts if 3 not in conflict.sides]


def plan(
    project: Project,
    command: str,
    base: Tree,
    template: Tree,
    *,
    is_step: bool = True,
    moves: Mapping[str, str] | None = None,
    prefer_template: bool = False,
) -> Plan:
    """Merge what differs between two renderings into the working tree, in memory.

    Args:
        is_step: `cofee undo` can take it back.
        moves: folders that get another name, with whatever the user keeps in them.
        prefer_template: where both changed the same lines, the template's stand.

    Raises:
        CofeeError: git is too old, or the sides cannot both stand.
    """
    moves = moves or {}
    without = (_without_answers(base), _without_answers(template))
    old, new, yours = worktree.read_sides(project.root, *without, folders=moves)
    _require_free_way(project, yours, moves)
    merged = merge(_moved(old, moves), new, _moved(yours, moves), prefer_template=prefer_template)
    changes = tuple(
        Change(path, yours.get(path), merged.tree.get(path))
        for path in sorted({*yours, *merged.tree})
        if yours.get(path) != merged.tree.get(path)
    )
    return Plan(
        command,
        changes,
        _answers(project, template),
        tuple(merged.conflicts),
        tuple(merged.still_deleted),
        is_step=is_step,
    )


def let_go(project: Project, plan: Plan) -> Plan:
    """Remove what the template takes away in spite of its edits; somebody agreed to that."""
    paths = [conflict.path for conflict in plan.removed]
    gone = [Change(path, read_file(project.root / path), None) for path in paths]
    conflicts = tuple(one for one in plan.conflicts if one.path not in paths)
    return replace(plan, changes=tuple(sorted([*plan.changes, *gone])), conflicts=conflicts)


def execute(project: Project, plan: Plan) -> Record:
    """Apply a plan, all of it or nothing.

    With conflicts the answers file stays as it is, and the operation waits for `resume` or `abort`.
    """
    data: dict[str, Any] = {"command": plan.command, "is_step": plan.is_step}
    if plan.undoes is not None:
        data["undoes"] = plan.undoes.folder.name
    if not plan.conflicts:
        record = project.journal.apply([*plan.changes, plan.answers], data)
        _mark_undone(project, record)
        return record
    assert plan.answers.after is not None  # noqa: S101 (a template always gives an answers file)
    paths = [conflict.path for conflict in plan.conflicts]
    data |= {
        "conflicts": paths,
        "answers": plan.answers.after.content.decode(),
        "index": git_index.entries(project.root, paths),
    }
    record = project.journal.apply(plan.changes, data, pending=True)
    git_index.show_conflicts(project.root, plan.conflicts)
    return record


def require_settled(project: Project) -> None:
    """Refuse to start while another operation, cofee's or git's, is unfinished."""
    if pending := project.journal.pending():
        raise CofeeError(
            f"`{pending.data['command']}` left conflicts that are not settled yet",
            hint="go on with `cofee update --continue`, or back with `cofee update --abort`",
        )
    if running := git_index.operation_in_progress(project.root):
        raise CofeeError(
            f"a git {running} is in progress in this project",
            hint=f"finish or abort the {running} first",
        )
    if unmerged := git_index.unmerged(project.root):
        raise CofeeError(f"git has unresolved conflicts in {listing(unmerged)}", hint=RESOLVE_FIRST)


def resume(project: Project) -> Record:
    """Record the new answers once every conflict is resolved.

    Raises:
        CofeeError: nothing waits, or markers remain; the message names the files.
    """
    record = _pending(project)
    marked = [path for path in record.data["conflicts"] if has_markers(project, path)]
    if marked:
        raise CofeeError(
            "conflict markers remain in " + ", ".join(f"`{path}`" for path in marked),
            hint="edit them until no `<<<<<<<` or `>>>>>>>` line is left; `--abort` goes back",
        )
    _require_still_there(project, record)
    current = read_file(project.root / ANSWERS_FILE)
    answers = Change(ANSWERS_FILE, current, File(record.data["answers"].encode()))
    project.journal.apply([answers], {"command": f"{record.data['command']} --continue"})
    record.settle()
    record.mark_undone()  # the step that can be taken back is the one as it was resolved
    resolved = (_as_it_stands(project, change) for change in record.changes)
    _mark_undone(project, project.journal.remember([*resolved, answers], record.data))
    git_index.mark_resolved(project.root, record.data["conflicts"])
    return record


def plan_abort(project: Project, *, agreed: bool) -> Plan:
    """Plan the way back to what every file was before the pending operation.

    Args:
        agreed: what was edited since, outside the conflicts, may go as well.

    Raises:
        CofeeError: nothing waits, or files were edited since; the message names them.
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
            f"{listing(edited)} was edited since, and would go back too",
            hint="save your edits elsewhere, or run this again with `--yes`",
        )
    back = (Change(change.path, change.after, change.before) for change in standing)
    needed = tuple(change for change in back if change.before != change.after)
    command = f"{record.data['command']} --abort"
    return Plan(command, needed, Change(ANSWERS_FILE, None, None), is_step=bool(lost))


def abort(project: Project, plan: Plan) -> None:
    """Apply what `plan_abort` planned; `cofee undo` brings back what a person did in between."""
    record = _pending(project)
    project.journal.apply(plan.changes, {"command": plan.command, "is_step": plan.is_step})
    record.settle()
    record.mark_undone()
    git_index.restore(project.root, record.data["conflicts"], record.data["index"])


def has_markers(project: Project, path: str) -> bool:
    """Tell whether a file still holds a conflict of ours."""
    return holds_markers(read_file(project.root / path))


def holds_markers(file: File | None) -> bool:
    """Tell whether some content, if there is any, holds a conflict of ours."""
    starts = (f"<<<<<<< {YOURS}".encode(), f">>>>>>> {TEMPLATE}".encode())
    return file is not None and any(line.startswith(starts) for line in file.content.splitlines())


def _as_it_stands(project: Project, change: Change) -> Change:
    return change._replace(after=read_file(project.root / change.path))


def _require_still_there(project: Project, record: Record) -> None:
    """Refuse to record an operation that was given up by other means, such as `git reset`."""
    clean = [change for change in record.changes if change.path not in record.data["conflicts"]]
    standing = [read_file(project.root / change.path) for change in clean]
    if clean and all(now == then.before for now, then in zip(standing, clean, strict=True)):
        raise CofeeError(
            f"every file is as it was before `{record.data['command']}`, so nothing can go on",
            hint="`cofee update --abort` forgets it; then start again",
        )


def _mark_undone(project: Project, record: Record) -> None:
    """Mark the operation that a record took back, if it did."""
    undone = record.data.get("undoes")
    for other in project.journal.records():
        if other.folder.name == undone:
            other.mark_undone()


def _require_free_way(project: Project, yours: Tree, moves: Mapping[str, str]) -> None:
    """Refuse to move a file to where another one stands."""
    for path in yours:
        moved = _moved_path(path, moves)
        if moved != path and (project.root / moved).exists():
            raise CofeeError(
                f"`{moved}` is in the way of `{path}`", hint="move it aside, and run this again"
            )


def _answers(project: Project, template: Tree) -> Change:
    """Return the change of the answers file, which keeps its line endings."""
    current = read_file(project.root / ANSWERS_FILE)
    if current is not None and current.mode == LINK:
        raise CofeeError(f"`{ANSWERS_FILE}` is a symbolic link; make it a file")
    answers = template.get(ANSWERS_FILE, current)
    if current and answers and is_crlf(current) and not is_crlf(answers):
        answers = with_crlf(answers)
    return Change(ANSWERS_FILE, current, answers)


def _pending(project: Project) -> Record:
    record = project.journal.pending()
    if record is None:
        raise CofeeError("there is nothing to continue or abort: no conflicts are waiting")
    return record


def _moved(tree: Tree, moves: Mapping[str, str]) -> dict[str, File]:
    """Return a tree with some folders under their new names.

    Git would find a renamed folder by the likeness of its files; here the names are known, and a
    file that was edited beyond recognition moves as well.
    """
    return {_moved_path(path, moves): file for path, file in tree.items()}


def _moved_path(path: str, moves: Mapping[str, str]) -> str:
    for old, new in moves.items():
        if path.startswith(f"{old}/"):
            return new + path.removeprefix(old)
    return path


def _without_answers(tree: Tree) -> dict[str, File]:
    return {path: file for path, file in tree.items() if path != ANSWERS_FILE}
