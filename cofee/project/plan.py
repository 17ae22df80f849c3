"""Plans of changes: the difference of two renderings, merged into the working tree in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cofee.engine.merge import Conflict, holds_markers, merge
from cofee.errors import CofeeError
from cofee.files import LINK, Change, File, Tree, read_file, with_endings_of
from cofee.project import worktree
from cofee.project.journal import Record
from cofee.project.project import ANSWERS_FILE, Project


@dataclass(frozen=True)
class Plan:
    """The result of a command before it is written.

    `answers` is written last, and only without conflicts.
    """

    command: str
    changes: tuple[Change, ...]
    answers: Change
    conflicts: tuple[Conflict, ...] = ()
    still_deleted: tuple[str, ...] = ()
    is_step: bool = True  # whether `cofee undo` can revert it
    undoes: Record | None = None  # the operation that it undoes

    @property
    def is_empty(self) -> bool:
        return not self.changes and self.answers.before == self.answers.after

    @property
    def outcome(self) -> dict[str, File | None]:
        """The paths that change and their new content; None for a removed file."""
        return {change.path: change.after for change in self.changes}

    @property
    def conflicted(self) -> set[str]:
        """The paths with conflicts."""
        paths = {conflict.path for conflict in self.conflicts}
        return paths | {path for path, file in self.outcome.items() if holds_markers(file)}

    @property
    def removed(self) -> list[Conflict]:
        """The files that the template removes and the user edited."""
        return [conflict for conflict in self.conflicts if 3 not in conflict.sides]


def plan_merge(
    project: Project,
    command: str,
    base: Tree,
    template: Tree,
    *,
    is_step: bool = True,
    moves: Mapping[str, str] | None = None,
    prefer_template: bool = False,
    renaming: Mapping[str, str] | None = None,
) -> Plan:
    """Merge the difference of two renderings into the working tree, in memory.

    Args:
        is_step: `cofee undo` can revert it.
        moves: directories to rename with all files in them.
        renaming: the names that the template renames, old to new.
        prefer_template: use the template's version of lines that both changed.

    Raises:
        CofeeError: git is too old, or the sides are incompatible.
    """
    moves = moves or {}
    without = (_without_answers(base), _without_answers(template))
    history = project.template.facts.migrations
    old, new, yours = worktree.read_sides(project.root, *without, history, folders=moves)
    _require_free_way(project, yours, moves)
    merged = merge(
        _moved(old, moves),
        new,
        _moved(yours, moves),
        prefer_template=prefer_template,
        renaming=renaming or {},
    )
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
    """Remove the files that the template removes, with their edits; the user has confirmed it."""
    paths = [conflict.path for conflict in plan.removed]
    gone = [Change(path, read_file(project.root / path), None) for path in paths]
    conflicts = tuple(one for one in plan.conflicts if one.path not in paths)
    return replace(plan, changes=tuple(sorted([*plan.changes, *gone])), conflicts=conflicts)


def _require_free_way(project: Project, yours: Tree, moves: Mapping[str, str]) -> None:
    """Reject a rename to an existing file."""
    for path in yours:
        moved = _moved_path(path, moves)
        if moved != path and (project.root / moved).exists():
            raise CofeeError(
                f"`{moved}` exists, and `{path}` needs its place", hint="move it, then run again"
            )


def _answers(project: Project, template: Tree) -> Change:
    """Return the change of the answers file, with its line endings kept."""
    current = read_file(project.root / ANSWERS_FILE)
    if current is not None and current.mode == LINK:
        raise CofeeError(f"`{ANSWERS_FILE}` must be a file, not a symbolic link")
    answers = template.get(ANSWERS_FILE, current)
    return Change(ANSWERS_FILE, current, with_endings_of(answers, current) if answers else None)


def _moved(tree: Tree, moves: Mapping[str, str]) -> dict[str, File]:
    """Return a tree with renamed directories.

    Git finds renamed directories by the similarity of their files. Here the names are known, so
    files with many edits are moved as well.
    """
    return {_moved_path(path, moves): file for path, file in tree.items()}


def _moved_path(path: str, moves: Mapping[str, str]) -> str:
    for old, new in moves.items():
        if path.startswith(f"{old}/"):
            return new + path.removeprefix(old)
    return path


def _without_answers(tree: Tree) -> dict[str, File]:
    return {path: file for path, file in tree.items() if path != ANSWERS_FILE}
