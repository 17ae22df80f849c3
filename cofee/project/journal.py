"""Atomic writes of several files.

An operation is recorded before its first write. A killed process therefore leaves either nothing
or a record that is marked `applying`, which the next command rolls back. Each operation has a
directory:

plan.json   the data of the command, and the changes with the digests of their contents
blobs/      those contents, by digest
applying    exists while files are being written
pending     exists while conflicts are unresolved
undone      exists once the operation was undone
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Required, TypedDict

from cofee.errors import CofeeError
from cofee.files import LINK, Change, File, read_file
from cofee.git import enclosing_git_dir

KEPT = 20  # the number of operations that are kept
BUSY = "another cofee command is running in this service"


class Data(TypedDict, total=False):
    """What a record keeps of an operation besides its changes."""

    command: Required[str]
    is_step: bool  # `cofee undo` can take it back
    undoes: str  # the number of the operation that it takes back
    conflicts: list[str]  # the paths with conflicts
    answers: str  # the answers file once the conflicts are resolved
    index: str  # the entries of the git index for these paths


@dataclass(frozen=True)
class Record:
    """A recorded operation: its directory and the data of the command."""

    folder: Path
    data: Data
    changes: tuple[Change, ...]
    suffix: str  # of the files that are written next to their targets

    @property
    def is_pending(self) -> bool:
        """Whether it has unresolved conflicts."""
        return (self.folder / "pending").exists()

    @property
    def can_be_undone(self) -> bool:
        """Whether it is a step that was not undone yet."""
        is_over = self.is_pending or (self.folder / "undone").exists()
        return bool(self.data.get("is_step")) and not is_over

    def settle(self) -> None:
        """Mark the conflicts as resolved."""
        (self.folder / "pending").unlink()

    def mark_undone(self) -> None:
        """Mark the operation as undone or aborted."""
        (self.folder / "undone").touch()


class Journal:
    """The recorded operations of a service, in its git directory or in `.cofee`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = _journal_folder(root)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the service against other cofee processes, after rolling back a killed one.

        Raises:
            CofeeError: another process is running, or the directory cannot be written.
        """
        try:
            self._make_folder()
            handle = (self.folder / "lock").open("w")
        except OSError as error:
            raise _cannot_write(self.folder, error) from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CofeeError(BUSY, hint="wait until it has finished, then run again") from error
            self._roll_back_unfinished()
            yield

    def recover(self) -> None:
        """Roll back the operation of a killed process, if there is one.

        Raises:
            CofeeError: the process is still running.
        """
        if any(self.folder.glob("*/applying")):
            with self.lock():
                pass

    def apply(self, changes: Sequence[Change], data: Data, *, pending: bool = False) -> Record:
        """Write all changes in order, or none.

        Args:
            data: JSON for the record.
            pending: conflicts remain until the record is settled.

        Raises:
            CofeeError: a file could not be written, or differs from `before`.
        """
        try:
            marks = ("applying", "pending") if pending else ("applying",)
            record = self._prepare(changes, data, marks)
            self._write(record)
        except OSError as error:
            raise _cannot_write(error.filename or self.root, error) from error
        self._forget_oldest()
        return record

    def records(self) -> list[Record]:
        """Return the recorded operations, oldest first."""
        if not self.folder.is_dir():
            return []
        return [_load(folder) for folder in sorted(self.folder.glob("[0-9]*[0-9]"))]

    def pending(self) -> Record | None:
        """Return the operation with unresolved conflicts, if any."""
        return next((record for record in self.records() if record.is_pending), None)

    def remember(self, changes: Sequence[Change], data: Data) -> Record:
        """Record changes that are already written."""
        return self._prepare(changes, data, ())

    def _prepare(self, changes: Sequence[Change], data: Data, marks: Sequence[str]) -> Record:
        numbers = [int(folder.name) for folder in self.folder.glob("[0-9]*[0-9]")]
        target = self.folder / f"{max(numbers, default=0) + 1:06}"
        return _store(target, changes, data, marks)

    def _write(self, record: Record) -> None:
        """Write every new content next to its target, then rename each to it.

        A full disk fails in the first step, before any file has changed.
        """
        try:
            for change in record.changes:
                self._write_beside(record, change)
            for change in record.changes:
                self._replace(record, change)
            (record.folder / "applying").unlink()
        except BaseException as error:
            self._roll_back_after(record, error)
            raise

    def _write_beside(self, record: Record, change: Change) -> None:
        target = self.root / change.path
        if change.after is None:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(self.root):
            raise CofeeError(
                f"`{change.path}` is outside the service, because a directory is a symbolic link",
                hint="replace the link with a directory",
            )
        _write_file(self._beside(record, change), change.after, like=target)

    def _replace(self, record: Record, change: Change) -> None:
        target = self.root / change.path
        if read_file(target) != change.before:
            raise CofeeError(
                f"`{change.path}` was changed by another program; nothing was written",
                hint="run the command again",
            )
        if change.after is not None:
            self._beside(record, change).replace(target)
            return
        target.unlink()
        self._remove_empty_parents(target)

    def _roll_back_after(self, record: Record, reason: BaseException) -> None:
        try:
            self._roll_back(record)
        except OSError as error:
            raise CofeeError(
                f"writing failed ({reason}), and so did the rollback ({error})",
                hint="make the directory writable; the next cofee command completes the rollback",
            ) from reason

    def _roll_back(self, record: Record) -> None:
        """Restore every path, except those that were changed since."""
        for change in reversed(record.changes):
            self._beside(record, change).unlink(missing_ok=True)
        for change in reversed(record.changes):
            if change.before != change.after and read_file(self.root / change.path) == change.after:
                self._restore(record, change)
        for change in record.changes:
            if change.before is None:
                self._remove_empty_parents(self.root / change.path)
        _discard(record.folder)

    def _restore(self, record: Record, change: Change) -> None:
        target = self.root / change.path
        if change.before is None:
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = self._beside(record, change)
        _write_file(beside, change.before, like=target)
        beside.replace(target)

    def _roll_back_unfinished(self) -> None:
        """Roll back the operations of killed processes."""
        for draft in self.folder.glob("*.draft"):
            shutil.rmtree(draft, ignore_errors=True)
        for folder in self.folder.glob("[0-9]*[0-9]"):
            if (folder / "applying").exists():
                self._roll_back(_load(folder))

    def _forget_oldest(self) -> None:
        for folder in sorted(self.folder.glob("[0-9]*[0-9]"))[:-KEPT]:
            if not (folder / "pending").exists():
                _discard(folder)

    def _beside(self, record: Record, change: Change) -> Path:
        target = self.root / change.path
        return target.with_name(f".{target.name[:80]}.cofee-{record.suffix}")

    def _remove_empty_parents(self, target: Path) -> None:
        for parent in target.parents:
            if parent == self.root or (parent.exists() and any(parent.iterdir())):
                return
            if parent.exists():
                parent.rmdir()

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.folder.parent == self.root:  # outside git: the directory ignores itself
            (self.folder / ".gitignore").write_text("*\n")


def _journal_folder(root: Path) -> Path:
    hidden = root / ".cofee"
    git_dir = enclosing_git_dir(root)
    if git_dir is None or hidden.is_dir():  # git may have been added later
        return hidden
    # A repository can contain several services, so the journal is named after the service's path in
    # it, which does not change when the repository is moved.
    top = next(folder for folder in (root, *root.parents) if (folder / ".git").exists())
    digest = hashlib.sha256(os.fsencode(root.relative_to(top))).hexdigest()[:12]
    return git_dir / "cofee" / digest


def _write_file(path: Path, file: File, like: Path) -> None:
    """Write a new file with the permissions of the file that it replaces."""
    if file.mode == LINK:
        path.symlink_to(os.fsdecode(file.content))
        return
    with path.open("xb") as handle:
        handle.write(file.content)
        mode = os.fstat(handle.fileno()).st_mode
    if like.is_file() and not like.is_symlink():
        mode = like.stat().st_mode
    if os.geteuid() == 0:  # root keeps the owner of the file
        owner = (like if like.exists() else path.parent).stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    executable = (mode & 0o444) >> 2 if file.mode & 0o100 else 0
    path.chmod((mode & 0o7666) | executable)


def _cannot_write(path: object, error: OSError) -> CofeeError:
    reasons = {errno.ENOSPC: "the disk is full", errno.EROFS: "the file system is read-only"}
    reason = reasons.get(error.errno or 0, (error.strerror or str(error)).lower())
    return CofeeError(f"`{path}` cannot be written: {reason}", hint="nothing was written")


def _store(target: Path, changes: Sequence[Change], data: Data, marks: Iterable[str]) -> Record:
    """Write the plan and every content, then rename the complete directory."""
    draft = target.with_name(f"{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        _fill(draft, changes, data)
        for mark in marks:
            (draft / mark).touch()
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return _load(target)


def _fill(draft: Path, changes: Sequence[Change], data: Data) -> None:
    (draft / "blobs").mkdir(parents=True)
    rows = [
        [change.path, _stored(draft, change.before), _stored(draft, change.after)]
        for change in changes
    ]
    plan = {"data": data, "suffix": os.urandom(4).hex(), "changes": rows}
    (draft / "plan.json").write_text(json.dumps(plan), encoding="ascii")


def _load(folder: Path) -> Record:
    """Read a record."""
    plan = json.loads((folder / "plan.json").read_text(encoding="ascii"))

    def file(stored: list[Any] | None) -> File | None:
        if stored is None:
            return None
        return File((folder / "blobs" / stored[1]).read_bytes(), stored[0])

    changes = tuple(Change(path, file(old), file(new)) for path, old, new in plan["changes"])
    return Record(folder, plan["data"], changes, plan["suffix"])


def _discard(folder: Path) -> None:
    """Remove a record, renamed first so that it is never read partially."""
    draft = folder.with_name(f"{folder.name}.draft")
    folder.rename(draft)
    shutil.rmtree(draft, ignore_errors=True)


def _stored(folder: Path, file: File | None) -> list[Any] | None:
    if file is None:
        return None
    digest = hashlib.sha256(file.content).hexdigest()
    blob = folder / "blobs" / digest
    if not blob.exists():
        blob.write_bytes(file.content)
    return [file.mode, digest]
