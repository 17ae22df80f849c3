"""Writes to a service that keep owners and permissions, and can be waited for."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from threading import Thread

from cofee.errors import CofeeError
from cofee.files import EXECUTABLE, LINK, File, reason

SYNCED_AT_ONCE = 16  # file systems write them together, in a third of the time


def write_file(path: Path, file: File, *, owner: Path, permissions: int | None = None) -> None:
    """Write a new file.

    Args:
        owner: for root, the path with the owner of the file.
        permissions: None for those that the system gives.
    """
    if file.mode == LINK:
        path.symlink_to(os.fsdecode(file.content))
        if os.geteuid() == 0:
            os.lchown(path, *_owner(owner))
        return
    with path.open("xb") as handle:
        descriptor = handle.fileno()
        if permissions is None:
            permissions = adapted(os.fstat(descriptor).st_mode, file)
        if os.geteuid() == 0:  # before `fchmod`, because a change of the owner clears bits
            os.fchown(descriptor, *_owner(owner))
        os.fchmod(descriptor, permissions)
        handle.write(file.content)


def adapted(mode: int, file: File) -> int:
    """Return the permissions of a mode, made executable or not like a file."""
    permissions = stat.S_IMODE(mode)
    if bool(permissions & stat.S_IXUSR) == (file.mode == EXECUTABLE):
        return permissions
    if file.mode == EXECUTABLE:
        return permissions | (permissions & 0o444) >> 2
    return permissions & ~0o111


def make_folder(folder: Path) -> None:
    """Create a directory and its parents, each with the owner of the directory that it is in."""
    for missing in reversed(missing_folders(folder)):
        missing.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(missing, *_owner(missing.parent))


def missing_folders(folder: Path) -> list[Path]:
    """Return a directory and those of its parents that do not exist, innermost first."""
    return [path for path in (folder, *folder.parents) if not path.is_dir()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove directories up to the first that is not empty; the missing ones are removed."""
    for folder in folders:
        if not folder.is_dir():
            continue
        if any(folder.iterdir()):
            return
        folder.rmdir()


def sync(paths: Iterable[Path]) -> None:
    """Wait until files and the entries of directories are on the disk."""
    waiting = deque(path for path in paths if not path.is_symlink())
    failures: list[OSError] = []

    def work() -> None:
        try:
            with contextlib.suppress(IndexError):
                while True:
                    _sync(waiting.popleft())
        except OSError as error:
            failures.append(error)

    # Threads alone: the import of `concurrent.futures` takes longer than the disk.
    threads = [Thread(target=work) for _ in range(min(SYNCED_AT_ONCE, len(waiting)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def permissions_of(path: Path) -> int | None:
    """Return the permissions of a file, or None if it is missing or a link."""
    return stat.S_IMODE(path.stat().st_mode) if path.is_file() and not path.is_symlink() else None


def cannot_write(path: object, error: OSError) -> CofeeError:
    """Return the error of a command that could not write, and rolled back."""
    return CofeeError(f"`{path}` cannot be written: {reason(error)}", hint="nothing was written")


def _owner(path: Path) -> tuple[int, int]:
    """Return the owner and the group of a path, or of its directory if it does not exist."""
    status = (path if os.path.lexists(path) else path.parent).lstat()
    return status.st_uid, status.st_gid
