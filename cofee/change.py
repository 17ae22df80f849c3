"""The one way to change a project: render two sides, merge the difference, apply it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cofee import index, worktree
from cofee.errors import CofeeError
from cofee.files import File, Tree, read_file
from cofee.git import require_modern_git
from cofee.merge import TEMPLATE, YOURS, Conflict, merge
from cofee.project import ANSWERS_FILE, Project
from cofee.recording import Change, Record


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

    @property
    def is_empty(self) -> bool:
        return not self.changes and self.answers.before == self.answers.after


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
    require_modern_git()
    current = read_file(project.root / ANSWERS_FILE)
    answers = Change(ANSWERS_FILE, current, template.get(ANSWERS_FILE, current))
    moves = moves or {}
    without = (_without_answers(base), _without_answers(template))
    old, new, yours = worktree.read_sides(project.root, *without, folders=moves)
    merged = merge(_moved(old, moves), new, _moved(yours, moves), prefer_template=prefer_template)
    changes = tuple(
        Change(path, yours.get(path), merged.tree.get(path))
        for path in sorted({*yours, *merged.tree})
        if yours.get(path) != merged.tree.get(path)
    )
    return Plan(
        command,
        changes,
        answers,
        tuple(merged.conflicts),
        tuple(merged.still_deleted),
        is_step=is_step,
    )


def execute(project: Project, plan: Plan) -> Record:
    """Apply a plan, all of it or nothing.

    With conflicts the answers file stays as it is, and the operation waits for `resume` or `abort`.
    """
    if not plan.conflicts:
        done = [*plan.changes, plan.answers]
        return project.journal.apply(done, {"command": plan.command, "is_step": plan.is_step})
    assert plan.answers.after is not None  # noqa: S101 (a template always gives an answers file)
    paths = [conflict.path for conflict in plan.conflicts]
    data = {
        "command": plan.command,
        "is_step": plan.is_step,
        "conflicts": paths,
        "answers": plan.answers.after.content.decode(),
        "index": index.entries(project.root, paths),
    }
    record = project.journal.apply(plan.changes, data, pending=True)
    index.show_conflicts(project.root, plan.conflicts)
    return record


def require_settled(project: Project) -> None:
    """Refuse to start while another operation, cofee's or git's, is unfinished."""
    if pending := project.journal.pending():
        raise CofeeError(
            f"`{pending.data['command']}` left conflicts that are not settled yet",
            hint="go on with `cofee update --continue`, or back with `cofee update --abort`",
        )
    if running := index.operation_in_progress(project.root):
        raise CofeeError(
            f"a git {running} is in progress in this project",
            hint=f"finish or abort the {running} first",
        )


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
    current = read_file(project.root / ANSWERS_FILE)
    answers = Change(ANSWERS_FILE, current, File(record.data["answers"].encode()))
    project.journal.apply([answers], {"command": f"{record.data['command']} --continue"})
    record.settle()
    record.mark_undone()  # the step that can be taken back is the one as it was resolved
    resolved = (_as_it_stands(project, change) for change in record.changes)
    project.journal.remember([*resolved, answers], record.data)
    index.mark_resolved(project.root, record.data["conflicts"])
    return record


def abort(project: Project) -> Plan:
    """Bring every file that the pending operation wrote back to what it was."""
    record = _pending(project)
    changes = tuple(
        Change(change.path, read_file(project.root / change.path), change.before)
        for change in record.changes
    )
    needed = [change for change in changes if change.before != change.after]
    command = f"{record.data['command']} --abort"
    project.journal.apply(needed, {"command": command})
    record.settle()
    record.mark_undone()
    index.restore(project.root, record.data["conflicts"], record.data["index"])
    unchanged = Change(ANSWERS_FILE, None, None)
    return Plan(command, tuple(needed), unchanged)


def has_markers(project: Project, path: str) -> bool:
    """Tell whether a file still holds a conflict of ours."""
    file = read_file(project.root / path)
    starts = (f"<<<<<<< {YOURS}".encode(), f">>>>>>> {TEMPLATE}".encode())
    return file is not None and any(line.startswith(starts) for line in file.content.splitlines())


def _as_it_stands(project: Project, change: Change) -> Change:
    return change._replace(after=read_file(project.root / change.path))


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
