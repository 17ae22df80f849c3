"""Atomic creation: a new service is completed in a staging directory and then takes its place.

The staging directory is in the destination, or in its nearest parent that exists:

lock         is locked by the process and by the tasks that it runs
made         contains the service, in a directory of its own name
moving.json  exists once the service is complete, while its entries are moved to the destination

A new directory takes its place by one rename. An existing one is kept, because a shell may be in
it, and gets one entry after another. The next command in that place removes the staging directory
of a killed process, or moves the remaining entries. Both can be killed and repeated.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cofee.errors import CofeeError, StoppedError, quote
from cofee.files import EXECUTABLE, LINK, File, Tree, read_file
from cofee.project import disk

NAME = re.compile(r"\.cofee-new-[0-9a-f]{8}")
LOCK, MADE, MOVING, DRAFT = "lock", "made", "moving.json", "moving.draft"
GIT = ".git"


@dataclass(frozen=True)
class Staging:
    """A staging directory of this process.

    Attributes:
        lock: the descriptor of the locked file.
    """

    folder: Path
    destination: Path
    lock: int

    @property
    def service(self) -> Path:
        """Where the service is until it takes its place; the tasks run there."""
        place = self.folder.parent
        below = self.destination.relative_to(place if place != self.destination else place.parent)
        return self.folder / MADE / below

    def write(self, tree: Tree) -> None:
        """Write every file, and a link to the repository if the destination has one."""
        write_tree(tree, self.service)
        if os.path.lexists(self.destination / GIT):
            (self.service / GIT).symlink_to(self.destination / GIT)

    def recorded_in(self) -> list[str]:
        """Return the entries of the service with files that contain the path of this directory."""
        files = (path for path in self.service.rglob("*") if path.is_file())
        name = self.folder.name.encode()
        found = (path for path in files if name in path.read_bytes())
        return sorted({path.relative_to(self.service).parts[0] for path in found})

    def take_place(self, present: Tree) -> None:
        """Move the service to its destination.

        Args:
            present: the files that the destination had when the service was planned.

        Raises:
            CofeeError: the destination was changed by another program since.
        """
        if self.folder.parent != self.destination:
            (top,) = (self.folder / MADE).iterdir()
            top.rename(self.folder.parent / top.name)
            return
        self._require_unchanged(present)
        self._keep_permissions(present)
        disk.sync(path for path in self.service.rglob("*") if path.is_file())
        draft = self.folder / DRAFT
        draft.write_text(json.dumps({name: _digest(file) for name, file in present.items()}))
        disk.sync([draft])
        draft.rename(self.folder / MOVING)

    def _require_unchanged(self, present: Tree) -> None:
        for entry in _entries(self.service):
            target = self.destination / entry.name
            if target.is_dir() or read_file(target) != present.get(entry.name):
                raise CofeeError(
                    f"{quote(target)} was changed by another program; nothing was written",
                    hint="run the command again",
                )

    def _keep_permissions(self, present: Tree) -> None:
        for name in present:
            entry, file = self.service / name, read_file(self.service / name)
            permissions = disk.permissions_of(self.destination / name)
            if file is not None and file.mode != LINK and permissions is not None:
                entry.chmod(disk.adapted(permissions, file))


@contextlib.contextmanager
def staged(destination: Path) -> Iterator[Staging]:
    """Yield a staging directory, which is removed at the end.

    Raises:
        CofeeError: a file cannot be written, or the command is interrupted.
    """
    try:
        staging = _create(destination)
    except OSError as error:
        raise disk.cannot_write(destination, error) from error
    try:
        yield staging
        _settle(staging.folder)
    except BaseException as error:
        is_kept = not staging.service.exists() or (staging.folder / MOVING).exists()
        _settle(staging.folder)
        if isinstance(error, OSError):
            raise disk.cannot_write(destination, error) from error
        if isinstance(error, KeyboardInterrupt) and not is_kept:
            raise StoppedError from error
        raise
    finally:
        os.close(staging.lock)


def recover(place: Path) -> None:
    """Finish or remove what killed processes left in a directory.

    Raises:
        CofeeError: an entry cannot be moved.
    """
    for folder in _stagings(place):
        try:
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()  # the process was killed before it could lock it
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _settle(folder)
        except BlockingIOError:
            continue  # its process is running
        finally:
            os.close(lock)


def write_tree(tree: Tree, folder: Path) -> None:
    """Write every file of a tree into a new directory."""
    folder.mkdir(parents=True)
    for path, file in tree.items():
        _write(folder / path, file)


def nearest_folder(path: Path) -> Path:
    """Return a directory, or its nearest parent that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _create(destination: Path) -> Staging:
    """Return a new staging directory, locked."""
    place = nearest_folder(destination)
    while True:
        folder = place / f".cofee-new-{os.urandom(4).hex()}"
        folder.mkdir()
        try:
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / MADE).mkdir()
        except BaseException as error:
            _settle(folder)
            # Before the lock, another command takes it for that of a killed process.
            if place.is_dir() and isinstance(error, (FileNotFoundError, BlockingIOError)):
                continue
            raise
        return Staging(folder, destination, lock)


def _stagings(place: Path) -> list[Path]:
    """Return the staging directories in a directory, by their names, owners and contents."""
    known = {LOCK, MADE, MOVING, DRAFT}
    try:
        named = [entry for entry in os.scandir(place) if NAME.fullmatch(entry.name)]
        return [
            Path(entry.path)
            for entry in named
            if entry.is_dir(follow_symlinks=False)
            and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
            and known.issuperset(os.listdir(entry))  # noqa: PTH208 (names are enough)
        ]
    except OSError:  # a directory that cannot be read, or that its process has removed
        return []


def _settle(folder: Path) -> None:
    """Move what is committed, and remove a staging directory; it can be repeated."""
    if (folder / MOVING).exists():
        _move(folder)
    with contextlib.suppress(OSError):  # the next command removes the rest
        for name in (MOVING, DRAFT):
            (folder / name).unlink(missing_ok=True)
        if (folder / MADE).exists():
            shutil.rmtree(folder / MADE)
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _move(folder: Path) -> None:
    """Move each entry of a service to its destination, except over files that were edited since."""
    destination, present = folder.parent, json.loads((folder / MOVING).read_text())
    (service,) = (folder / MADE).iterdir()
    for entry in _entries(service):
        target = destination / entry.name
        if target.is_dir():
            raise CofeeError(
                f"the new service has {quote(target)}, and another program has created it",
                hint="rename or remove it, then run again",
            )
        file = read_file(target)
        if file is None or _digest(file) == present.get(entry.name):
            entry.replace(target)


def _entries(service: Path) -> list[Path]:
    """Return what is moved: all entries but the link to the repository."""
    return sorted(path for path in service.iterdir() if path.name != GIT or not path.is_symlink())


def _digest(file: File) -> str:
    return hashlib.sha256(file.content).hexdigest()


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == LINK:
        path.symlink_to(os.fsdecode(file.content))
        return
    path.write_bytes(file.content)
    if file.mode == EXECUTABLE:
        readable = path.stat().st_mode
        path.chmod(readable | (readable & 0o444) >> 2)
