"""The user's git index, changed only to show conflicts as git does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from cofee.engine.merge import Conflict
from cofee.files import LINK, File
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
    """Return whether the last commit or the index contains a path."""
    if enclosing_git_dir(root) is None:
        return False
    has_commit = git("rev-parse", "--verify", "--quiet", "HEAD", cwd=root, accept=(0, 1))
    command = ["ls-files", "--cached", *(["--with-tree=HEAD"] if has_commit else [])]
    return bool(_git(root, *command, "--", path))


def is_new(root: Path, path: str) -> bool:
    """Return whether a repository exists without a commit that contains a path."""
    if enclosing_git_dir(root) is None:
        return False
    return not _git(root, "log", "--max-count=1", "--format=%H", "--all", "--", path)


def unmerged(root: Path) -> list[str]:
    """Return the paths with unresolved conflicts in the index."""
    if enclosing_git_dir(root) is None:
        return []
    try:
        rows = _git(root, "ls-files", "--unmerged", "-z").split("\0")
    except GitError:
        return []
    return sorted({row.partition("\t")[2] for row in rows if row})


class IndexChange(TypedDict):
    """The entries of some paths before and after a change, as `ls-files --stage -z` prints them."""

    paths: list[str]
    before: str
    after: str


def with_conflicts(root: Path, conflicts: Sequence[Conflict]) -> IndexChange | None:
    """Return the change that adds the versions of each conflict as stages 1, 2 and 3."""

    def rows(prefix: str) -> Iterator[str]:
        for conflict in conflicts:
            for stage, file in sorted(conflict.sides.items()):
                yield f"{file.mode:o} {_store(root, file)} {stage}\t{prefix}{conflict.path}"

    return _change(root, [conflict.path for conflict in conflicts], rows)


def with_files(root: Path, files: Mapping[str, File | None]) -> IndexChange | None:
    """Return the change that adds files as `git add` does, and removes those that are None."""

    def rows(prefix: str) -> Iterator[str]:
        for path, file in files.items():
            if file is not None:
                yield f"{file.mode:o} {_store(root, file, path)} 0\t{prefix}{path}"

    return _change(root, list(files), rows)


def with_former(root: Path, former: IndexChange | None) -> IndexChange | None:
    """Return the change that takes back another one."""
    if former is None:
        return None
    return _change(root, former["paths"], lambda _: filter(None, former["before"].split("\0")))


def update(root: Path, change: IndexChange) -> None:
    """Make a change, unless the entries were changed since by other means; it can be repeated.

    Raises:
        GitError: the index cannot be written, for example because git holds its lock.
    """
    if change["before"] == change["after"] or _entries(root, change["paths"]) != change["before"]:
        return
    length = len(_store(root, File(b"")))
    removed = [f"0 {'0' * length}\t{_prefix(root)}{path}" for path in change["paths"]]
    rows = [*removed, *filter(None, change["after"].split("\0"))]
    text = "".join(f"{row}\0" for row in rows)
    _git(root, "update-index", "-z", "--index-info", stdin=text)


def _change(
    root: Path, paths: list[str], rows: Callable[[str], Iterable[str]]
) -> IndexChange | None:
    """Return a change to the rows that a function returns for the prefix of the service.

    The index only shows conflicts. If it cannot be read, it is not changed, without an error.
    """
    if enclosing_git_dir(root) is None:
        return None
    try:
        after = "".join(f"{row}\0" for row in rows(_prefix(root)))
        return {"paths": paths, "before": _entries(root, paths), "after": after}
    except GitError:
        return None


def _entries(root: Path, paths: Sequence[str]) -> str:
    return _git(root, "ls-files", "--stage", "--full-name", "-z", "--", *paths)


def _store(root: Path, file: File, path: str | None = None) -> str:
    """Store a file in the repository and return its hash.

    Args:
        path: the file is converted as `git add` converts it there, if it can be.
    """
    command = ("hash-object", "-w", "--stdin")
    if path is not None and file.mode != LINK:
        with contextlib.suppress(GitError):
            converted = (*command, f"--path={path}")
            found = git(*converted, stdin=file.content, cwd=root, attributes=True)
            return found.decode().strip()
    return git(*command, stdin=file.content, cwd=root).decode().strip()


def _prefix(root: Path) -> str:
    """Return the path of the service in the repository, for index rows."""
    return _git(root, "rev-parse", "--show-prefix").removesuffix("\n")


def _git(root: Path, *arguments: str, stdin: str = "") -> str:
    """Run git; a path is a path, also with `*` or `:` in it."""
    content = stdin.encode(errors="surrogateescape")
    output = git("--literal-pathspecs", *arguments, cwd=root, stdin=content)
    return output.decode(errors="surrogateescape")
