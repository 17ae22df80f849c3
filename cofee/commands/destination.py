"""The directory of a new service: absent, empty, or a git repository without a service yet."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from cofee.errors import INTERRUPTED, CofeeError, listing, quote
from cofee.files import EXECUTABLE, LINK, File, Tree, read_file, reason
from cofee.git import GitError, git

# What a repository has that a host created, or that a person starts with.
STARTING_FILES = ("LICENSE*", "LICENCE*", "COPYING*", "README*", ".gitignore", ".gitattributes")
IGNORED = ".gitignore"


@dataclass(frozen=True)
class Destination:
    """Where a service will be, with the names and the files there before it."""

    path: Path
    existed: bool
    names: frozenset[str] = frozenset()
    files: Tree = field(default_factory=dict)


def examine(path: Path) -> Destination:
    """Return a destination that a service can be written to.

    Raises:
        CofeeError: it exists and contains more than a new repository does.
    """
    destination = _absolute(path)
    try:
        destination.lstat()
    except FileNotFoundError:
        return Destination(destination, existed=False)
    except OSError as error:
        raise CofeeError(
            f"{quote(destination)} cannot be created: {reason(error)}", hint="choose another path"
        ) from error
    if destination.is_symlink() or not destination.is_dir():
        raise CofeeError(
            f"{quote(destination)} exists and is not a directory", hint="choose another path"
        )
    names = frozenset(entry.name for entry in destination.iterdir())
    starting = {name for name in names if any(fnmatch(name, one) for one in STARTING_FILES)}
    others = sorted(names - starting - {".git"} if ".git" in names else names)
    if others:
        raise CofeeError(
            f"the directory {quote(destination)} is not empty: it contains {listing(others)}",
            hint="choose a directory that does not exist or is empty, or a new git repository with "
            "a license, a README and a `.gitignore` at most",
        )
    files = {name: file for name in names if (file := read_file(destination / name))}
    return Destination(destination, existed=True, names=names, files=files)


def combined(tree: Tree, destination: Destination) -> Tree:
    """Return the files of a service, with the lines of an existing `.gitignore`.

    Raises:
        CofeeError: another file would be replaced, and git does not have it.
    """
    replaced = {name: destination.files[name] for name in tree.keys() & destination.files.keys()}
    lost = [
        name
        for name, file in sorted(replaced.items())
        if name != IGNORED and file != tree[name] and not _is_committed(destination.path, name)
    ]
    if lost:
        raise CofeeError(
            f"{listing(lost)} would be replaced, and is not committed",
            hint="commit it, so that git keeps it, or remove it",
        )
    if IGNORED not in replaced:
        return tree
    return {**tree, IGNORED: _with_lines_of(tree[IGNORED], replaced[IGNORED])}


def write_service(tree: Tree, destination: Destination) -> None:
    """Write all files, or none: the directory is completed elsewhere and then renamed.

    Raises:
        CofeeError: a file cannot be written.
    """
    parent = destination.path.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cofee-", dir=parent) as folder:
            fresh = Path(folder) / "service"
            write_tree(tree, fresh)
            _put(fresh, destination)
    except OSError as error:
        raise CofeeError(
            f"{quote(destination.path)} cannot be written: {reason(error)}",
            hint="nothing was written",
        ) from error


def write_tree(tree: Tree, folder: Path) -> None:
    """Write every file of a tree into a new folder."""
    folder.mkdir()
    for path, file in tree.items():
        _write(folder / path, file)


@contextlib.contextmanager
def removed_on_failure(destination: Destination) -> Iterator[None]:
    """Remove the service after a failure, but nothing that was there before it."""
    try:
        yield
    except BaseException as error:
        _take_back(destination)
        if isinstance(error, KeyboardInterrupt):
            raise CofeeError("interrupted; nothing was kept", exit_code=INTERRUPTED) from error
        raise


def _put(fresh: Path, destination: Destination) -> None:
    """Move a complete directory into place.

    An existing directory is kept, because a shell may be in it.
    """
    if not destination.existed:
        fresh.rename(destination.path)
        return
    with removed_on_failure(destination):
        for entry in sorted(fresh.iterdir()):
            entry.rename(destination.path / entry.name)


def _take_back(destination: Destination) -> None:
    """Remove what was not there before, and write back what was replaced."""
    path = destination.path
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        if not destination.existed:
            path.rename(Path(folder) / "service")
            return
        for entry in sorted(path.iterdir()):
            if entry.name not in destination.names:
                entry.rename(Path(folder) / entry.name)
    for name, file in destination.files.items():
        if read_file(path / name) != file:
            (path / name).unlink(missing_ok=True)
            _write(path / name, file)


def _is_committed(folder: Path, name: str) -> bool:
    """Return whether git has the content of a file."""
    try:
        git("diff", "--quiet", "HEAD", "--", name, cwd=folder, attributes=True)
        return bool(git("ls-tree", "HEAD", "--", name, cwd=folder))
    except GitError:
        return False


def _with_lines_of(file: File, other: File) -> File:
    """Return a text file with the lines of another that it does not have."""
    lines = file.content.splitlines()
    added = [line for line in other.content.splitlines() if line not in lines]
    content = b"".join(line + b"\n" for line in [*lines, *([b""] if added else []), *added])
    return file._replace(content=content)


def _absolute(destination: Path) -> Path:
    """Return the absolute destination; `resolve` would follow a link."""
    try:
        return Path(os.path.abspath(destination.expanduser()))  # noqa: PTH100
    except FileNotFoundError as error:
        raise CofeeError(
            "the current directory no longer exists", hint="change to an existing directory"
        ) from error


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == LINK:
        path.symlink_to(os.fsdecode(file.content))
        return
    path.write_bytes(file.content)
    if file.mode == EXECUTABLE:
        readable = path.stat().st_mode
        path.chmod(readable | (readable & 0o444) >> 2)
