"""The user's git index, changed only to show conflicts as git does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cofee.engine.merge import Conflict
from cofee.files import File
from cofee.git import GitError, enclosing_git_dir, git

IN_PROGRESS = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}


def operation_in_progress(root: Path) -> str | None:
    """Return the unfinished operation of git, such as a merge."""
    git_dir = enclosing_git_dir(root)
    if git_dir is None:
        return None
    return next((name for mark, name in IN_PROGRESS.items() if (git_dir / mark).exists()), None)


def is_committed(root: Path, path: str) -> bool:
    """Return whether the last commit contains a path."""
    if enclosing_git_dir(root) is None:
        return False
    return bool(git("ls-files", "--cached", "--with-tree=HEAD", "--", path, cwd=root))


def is_new(root: Path, path: str) -> bool:
    """Return whether there is a repository and none of its commits contains a path."""
    if enclosing_git_dir(root) is None:
        return False
    return not git("log", "--max-count=1", "--format=%H", "--all", "--", path, cwd=root).strip()


def unmerged(root: Path) -> list[str]:
    """Return the paths with unresolved conflicts in the index."""
    if enclosing_git_dir(root) is None:
        return []
    rows = _git(root, "ls-files", "--unmerged", "-z").split("\0")
    return sorted({row.partition("\t")[2] for row in rows if row})


def entries(root: Path, paths: Sequence[str]) -> str:
    """Return the index entries of some paths, for `restore`."""
    if enclosing_git_dir(root) is None:
        return ""
    return _git(root, "ls-files", "--stage", "--full-name", "-z", "--", *paths)


def show_conflicts(root: Path, conflicts: Sequence[Conflict]) -> None:
    """Add the versions of each file with a conflict as stages 1, 2 and 3."""
    if enclosing_git_dir(root) is None:
        return
    prefix = _prefix(root)
    rows = []
    for conflict in conflicts:
        path = f"{prefix}{conflict.path}"
        stored = {stage: (file.mode, _store(root, file)) for stage, file in conflict.sides.items()}
        rows.append(_removal(path, len(next(iter(stored.values()))[1])))
        rows += [f"{mode:o} {oid} {stage}\t{path}" for stage, (mode, oid) in sorted(stored.items())]
    _update(root, rows)


def mark_resolved(root: Path, paths: Sequence[str]) -> None:
    """Mark files as resolved, as `git add` does."""
    if enclosing_git_dir(root) is not None:
        _git(root, "add", "--all", "--", *paths)


def restore(root: Path, paths: Sequence[str], rows: str) -> None:
    """Restore the index entries that `entries` returned."""
    if enclosing_git_dir(root) is None:
        return
    prefix = _prefix(root)
    removed = [_removal(f"{prefix}{path}", len(_store(root, File(b"")))) for path in paths]
    _update(root, [*removed, *(row for row in rows.split("\0") if row)])


def _removal(path: str, length: int) -> str:
    """Return the index row that removes a path, for object ids of this length."""
    return f"0 {'0' * length}\t{path}"


def _update(root: Path, rows: Sequence[str]) -> None:
    text = "".join(f"{row}\0" for row in rows)
    _git(root, "update-index", "-z", "--index-info", stdin=text)


def _store(root: Path, file: File) -> str:
    return git("hash-object", "-w", "--stdin", stdin=file.content, cwd=root).decode().strip()


def _prefix(root: Path) -> str:
    """Return the path of the service in the repository, for index rows."""
    return _git(root, "rev-parse", "--show-prefix").strip("\n")


def _git(root: Path, *arguments: str, stdin: str = "") -> str:
    """Run git; the index is optional, so a locked repository does not fail the command."""
    try:
        output = git(*arguments, cwd=root, stdin=stdin.encode(errors="surrogateescape"))
    except GitError:
        return ""
    return output.decode(errors="surrogateescape")
