"""The directory of a new service: absent, empty, or a git repository without a service yet."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from cofee.errors import CofeeError, listing, quote
from cofee.files import File, Tree, from_current_directory, read_file, reason
from cofee.git import GitError, git
from cofee.project import staging

# The files of a repository that a host or a user has just created.
STARTING_FILES = ("LICENSE*", "LICENCE*", "COPYING*", "README*", ".gitignore", ".gitattributes")
IGNORED = ".gitignore"


@dataclass(frozen=True)
class Destination:
    """Where a service will be, with the files there before it."""

    path: Path
    files: Tree = field(default_factory=dict)


def examine(path: Path) -> Destination:
    """Return a destination that a service can be written to, after a killed command is settled.

    Raises:
        CofeeError: it exists and contains more than a new repository does.
    """
    destination = _absolute(path)
    for place in {destination, staging.nearest_folder(destination.parent)}:
        staging.recover(place)
    try:
        destination.lstat()
    except FileNotFoundError:
        return Destination(destination)
    except OSError as error:
        raise CofeeError(
            f"{quote(destination)} cannot be created: {reason(error)}", hint="choose another path"
        ) from error
    if destination.is_symlink():
        raise CofeeError(
            f"{quote(destination)} is a symbolic link", hint="give the path that it leads to"
        )
    if not destination.is_dir():
        raise CofeeError(
            f"{quote(destination)} exists and is not a directory", hint="choose another path"
        )
    names = {entry.name for entry in destination.iterdir()}
    starting = {name for name in names if any(fnmatch(name, one) for one in STARTING_FILES)}
    others = sorted(names - starting - {".git"} if ".git" in names else names)
    if others:
        raise CofeeError(
            f"the directory {quote(destination)} is not empty: it contains {listing(others)}",
            hint="choose a directory that does not exist or is empty, or a new git repository with "
            "a license, a README and a `.gitignore` at most",
        )
    files = {name: file for name in names - {".git"} if (file := read_file(destination / name))}
    return Destination(destination, files)


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
    with from_current_directory():
        return Path(os.path.abspath(destination.expanduser()))  # noqa: PTH100
