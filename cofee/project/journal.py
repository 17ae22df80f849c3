"""Atomic operations: a command changes everything that it has to change, or nothing.

An operation is recorded on the disk before its first write, with all that is needed to complete it
or to roll it back. One rename commits it. The next command rolls back what a killed process did not
commit, and finishes what it did commit. Both can be killed and repeated. Each operation has a
directory:

plan.json   the data of the command, and the changes with the places of their contents
contents    those contents, one after another
applying    exists until the commit, while files are written
finishing   exists after the commit, until the git index follows the files
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Required, TypedDict

from cofee.errors import CofeeError, StoppedError
from cofee.files import Change, File, read_file
from cofee.git import GitError, enclosing_repository
from cofee.project import disk, git_index
from cofee.project.git_index import IndexChange

KEPT = 20  # the number of operations that are kept
BUSY = "another cofee command is running in this service"
NUMBERED = "[0-9]*[0-9]"
APPLYING, FINISHING = "applying", "finishing"


class Data(TypedDict, total=False):
    """What a record keeps of an operation besides its changes."""

    command: Required[str]
    is_step: bool  # `cofee undo` can take it back
    undoes: str  # the number of the operation that it takes back
    completes: str  # the number of the operation with conflicts that it continues or aborts
    conflicts: list[str]  # the paths with conflicts
    answers: str  # the answers file once the conflicts are resolved
    index: IndexChange


@dataclass(frozen=True)
class Record:
    """A recorded operation.

    Attributes:
        folder: its directory.
        is_over: whether a later operation has undone, continued or aborted it.
    """

    folder: Path
    is_over: bool = False

    @property
    def number(self) -> str:
        return self.folder.name

    @property
    def recorded_at(self) -> float:
        """When it was recorded, in seconds since the epoch."""
        return (self.folder / "plan.json").stat().st_mtime

    @cached_property
    def _plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = json.loads((self.folder / "plan.json").read_text(encoding="ascii"))
        return plan

    @property
    def data(self) -> Data:
        data: Data = self._plan["data"]
        return data

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes, including those of the user that it records and did not write."""
        return (*self._changes["standing"], *self._changes["writes"])

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that it writes."""
        return self._changes["writes"]

    @property
    def kept(self) -> tuple[Change, ...]:
        """Files that a rollback restores, and that it does not write itself."""
        return self._changes["kept"]

    @cached_property
    def _changes(self) -> dict[str, tuple[Change, ...]]:
        contents = (self.folder / "contents").read_bytes()

        def file(stored: list[int] | None) -> File | None:
            if stored is None:
                return None
            mode, start, length = stored
            return File(contents[start : start + length], mode)

        return {
            kind: tuple(Change(path, file(before), file(after)) for path, before, after, _ in rows)
            for kind, rows in self._plan["changes"].items()
        }

    @cached_property
    def permissions(self) -> dict[str, int | None]:
        """The permissions of each file before the operation, or before the one that it undoes."""
        rows = (row for rows in self._plan["changes"].values() for row in rows)
        return {path: permissions for path, _, _, permissions in rows}

    @property
    def new_folders(self) -> list[str]:
        """The directories that it creates, innermost first."""
        folders: list[str] = self._plan["folders"]
        return folders

    def beside(self, target: Path) -> Path:
        """Return where the new content of a file is written before it is renamed."""
        return target.with_name(f".{target.name[:80]}.cofee-{self._plan['suffix']}")

    @property
    def awaits(self) -> bool:
        """Whether it has conflicts, resolved or not, so that another operation completes it."""
        return "answers" in self.data

    @property
    def is_pending(self) -> bool:
        """Whether it has conflicts and was neither continued nor aborted."""
        return self.awaits and not self.is_over

    @property
    def can_be_undone(self) -> bool:
        """Whether it is a step that was not undone yet."""
        return bool(self.data.get("is_step")) and not self.awaits and not self.is_over


class Journal:
    """The recorded operations of a service, in its git directory or in `.cofee`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = _journal_folder(root)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the service against other cofee processes, after finishing what a killed one began.

        Raises:
            CofeeError: another process is running, or the directory cannot be written.
        """
        try:
            self._make_folder()
            handle = (self.folder / "lock").open("w")
        except OSError as error:
            raise disk.cannot_write(self.folder, error) from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CofeeError(
                    BUSY, hint="wait until it has finished or answer what it asks, then run again"
                ) from error
            self._recover()
            yield

    def recover(self) -> None:
        """Roll back or finish the operation of a killed process, if there is one.

        Raises:
            CofeeError: the process is still running.
        """
        if any(self.folder.glob(f"*/{APPLYING}")) or any(self.folder.glob(f"*/{FINISHING}")):
            with self.lock():
                pass

    def apply(
        self,
        changes: Sequence[Change],
        data: Data,
        *,
        standing: Sequence[Change] = (),
        check: Callable[[], None] | None = None,
        kept: Mapping[str, File | None] | None = None,
    ) -> None:
        """Write all changes in order, or none.

        Args:
            data: JSON for the record.
            standing: changes that are recorded with the others and exist already.
            check: called before the commit; what it raises rolls everything back.
            kept: files that checks may change, which a rollback restores as well.

        Raises:
            CofeeError: a file could not be written, or differs from `before`.
            StoppedError: an interrupt came before the commit.
        """
        keeping = [Change(path, file, file) for path, file in (kept or {}).items()]
        for change in changes:
            self._require_place(change)
        record = None
        try:
            record = self._begin(data, {"standing": standing, "writes": changes, "kept": keeping})
            self._write(record, check)
        except OSError as error:
            raise disk.cannot_write(error.filename or self.root, error) from error
        except KeyboardInterrupt as error:
            if record is not None and record.folder.exists():
                raise  # it is committed, or a second interrupt came during the rollback
            raise StoppedError from error
        self._finish(record)

    def records(self) -> list[Record]:
        """Return the recorded operations, oldest first."""
        records = [Record(folder) for folder in self._folders()]
        over = {
            number
            for record in records
            for number in (record.data.get("completes"), record.data.get("undoes"))
            if not record.awaits  # what it undoes is undone once it is completed
        }
        return [Record(record.folder, is_over=record.number in over) for record in records]

    def pending(self) -> Record | None:
        """Return the operation with unresolved conflicts, if any."""
        return next((record for record in self.records() if record.is_pending), None)

    def _folders(self) -> list[Path]:
        return sorted(self.folder.glob(NUMBERED))

    def _require_place(self, change: Change) -> None:
        """Reject a file in the place of a directory, or a directory in the place of a file."""
        if change.after is None:
            return
        path, others = self.root / change.path, self._parents(change.path)
        if path.is_dir() and not path.is_symlink():
            problem = f"`{change.path}` is a directory, and would be replaced with a file"
        elif files := [other for other in others if os.path.lexists(other) and not other.is_dir()]:
            place = os.path.relpath(files[0], self.root)
            problem = f"`{place}` is a file, and would be replaced with a directory"
        else:
            return
        raise CofeeError(
            f"{problem}; nothing was written",
            hint="delete it if it contains nothing of yours, then run again",
        )

    def _begin(self, data: Data, changes: Mapping[str, Sequence[Change]]) -> Record:
        """Record an operation, so that it survives a kill and a loss of power from here on."""
        numbers = [int(folder.name) for folder in self._folders()]
        folder = self.folder / f"{max(numbers, default=0) + 1:06}"
        draft = folder.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            disk.make_folder(draft)
            for name, content in self._entry(data, changes).items():
                disk.write_file(draft / name, File(content), owner=draft)
            disk.sync([*draft.iterdir(), draft])
            draft.rename(folder)
            disk.sync([self.folder])
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return Record(folder)

    def _entry(self, data: Data, changes: Mapping[str, Sequence[Change]]) -> dict[str, bytes]:
        """Return the files of a record."""
        contents = bytearray()

        def stored(file: File | None) -> list[int] | None:
            if file is None:
                return None
            contents.extend(file.content)
            return [file.mode, len(contents) - len(file.content), len(file.content)]

        former = self._former_permissions(data)

        def row(change: Change) -> list[Any]:
            permissions = disk.permissions_of(self.root / change.path)
            if permissions is None:
                permissions = former.get(change.path)
            return [change.path, stored(change.before), stored(change.after), permissions]

        made = [self.root / change.path for change in changes["writes"] if change.after is not None]
        missing = {folder for path in made for folder in disk.missing_folders(path.parent)}
        plan = {
            "data": data,
            "suffix": os.urandom(4).hex(),
            "folders": sorted((os.path.relpath(path, self.root) for path in missing), reverse=True),
            "changes": {kind: [row(change) for change in group] for kind, group in changes.items()},
        }
        return {"plan.json": json.dumps(plan).encode(), "contents": bytes(contents), APPLYING: b""}

    def _former_permissions(self, data: Data) -> Mapping[str, int | None]:
        """Return the permissions before the operation that this one takes back or completes."""
        number = data.get("completes") or data.get("undoes")
        return Record(self.folder / number).permissions if number else {}

    def _write(self, record: Record, check: Callable[[], None] | None) -> None:
        """Write every new content next to its target, rename each to it, and commit.

        A full disk fails in the first step, before any file has changed.
        """
        try:
            written = []
            for change in record.writes:
                with _naming(self.root / change.path):
                    written.append(self._write_beside(record, change))
            disk.sync(filter(None, written))
            for change in record.writes:
                with _naming(self.root / change.path):
                    self._replace(record, change)
            if check is not None:
                check()
            (record.folder / APPLYING).rename(record.folder / FINISHING)
        except BaseException as error:
            self._roll_back_after(record, error)
            raise

    def _write_beside(self, record: Record, change: Change) -> Path | None:
        """Return where the new content was written; None if the file is to be removed."""
        target = self.root / change.path
        if change.after is None:
            return None
        disk.make_folder(target.parent)
        if not target.parent.resolve().is_relative_to(self.root):
            raise CofeeError(
                f"`{change.path}` is outside the service, because a directory is a symbolic link",
                hint="replace the link with a directory",
            )
        former = record.permissions[change.path]
        permissions = None if former is None else disk.adapted(former, change.after)
        beside = record.beside(target)
        disk.write_file(beside, change.after, owner=target, permissions=permissions)
        return beside

    def _replace(self, record: Record, change: Change) -> None:
        target = self.root / change.path
        if read_file(target) != change.before:
            raise CofeeError(
                f"`{change.path}` was changed by another program; nothing was written",
                hint="run the command again",
            )
        if change.after is not None:
            record.beside(target).replace(target)
        elif change.before is not None:
            target.unlink()

    def _roll_back_after(self, record: Record, reason: BaseException) -> None:
        try:
            self._roll_back(record)
        except OSError as error:
            raise CofeeError(
                f"writing failed ({reason}), and so did the rollback ({error})",
                hint="make the directory writable; the next cofee command completes the rollback",
            ) from reason

    def _roll_back(self, record: Record) -> None:
        """Restore every path, except those that were changed since; it can be repeated."""
        if not (record.folder / APPLYING).exists():
            return  # the interrupt came after the commit
        touched = (*record.kept, *record.writes)
        for change in touched:
            with contextlib.suppress(NotADirectoryError):  # the directory was replaced since
                record.beside(self.root / change.path).unlink(missing_ok=True)
        restored = []
        for change in reversed(touched):
            current = read_file(self.root / change.path)
            is_ours = current == change.after or change in record.kept
            if is_ours and current != change.before:
                self._restore(record, change)
                restored += [self.root / change.path] if change.before is not None else []
        disk.sync(restored)  # the record has the only copy until then
        for folder in record.new_folders:
            disk.remove_empty([self.root / folder])
        _discard(record.folder)

    def _restore(self, record: Record, change: Change) -> None:
        target = self.root / change.path
        if change.before is None:
            target.unlink()
            return
        beside, permissions = record.beside(target), record.permissions[change.path]
        disk.make_folder(target.parent)
        disk.write_file(beside, change.before, owner=target, permissions=permissions)
        beside.replace(target)

    def _finish(self, record: Record) -> None:
        """Do what follows from a committed operation; it can be repeated.

        What fails, for example because git holds the lock of its index, is tried again by the next
        command.
        """
        with contextlib.suppress(OSError, GitError):
            if completed := record.data.get("completes"):
                (self.folder / completed / FINISHING).unlink(missing_ok=True)
            for change in record.writes:
                if change.after is None:
                    disk.remove_empty(self._parents(change.path))
            if index := record.data.get("index"):
                git_index.update(self.root, index)
            self._forget_oldest()
            (record.folder / FINISHING).unlink(missing_ok=True)

    def _parents(self, path: str) -> list[Path]:
        """Return the directories below the root that a path is in, innermost first."""
        parents = (self.root / path).parents
        return [parent for parent in parents if parent.is_relative_to(self.root)][:-1]

    def _recover(self) -> None:
        """Roll back or finish the operations of killed processes, newest first."""
        try:
            for draft in self.folder.glob("*.draft"):
                shutil.rmtree(draft, ignore_errors=True)
            for folder in reversed(self._folders()):
                if (folder / APPLYING).exists():
                    self._roll_back(Record(folder))
                elif (folder / FINISHING).exists():
                    self._finish(Record(folder))
        except OSError as error:
            raise disk.cannot_write(error.filename or self.root, error) from error

    def _forget_oldest(self) -> None:
        for record in self.records()[:-KEPT]:
            if not record.is_pending:
                _discard(record.folder)

    def _make_folder(self) -> None:
        disk.make_folder(self.folder)
        with contextlib.suppress(FileExistsError):
            disk.write_file(self.folder / "lock", File(b""), owner=self.folder)
        ignore = self.folder / ".gitignore"  # outside git the directory ignores itself
        if self.folder.parent == self.root and read_file(ignore) != File(b"*\n"):
            ignore.unlink(missing_ok=True)
            disk.write_file(ignore, File(b"*\n"), owner=self.folder)


def _journal_folder(root: Path) -> Path:
    hidden = root / ".cofee"
    repository = enclosing_repository(root)
    if repository is None or hidden.is_dir():  # git may have been added later
        return hidden
    # A repository can contain several services, so the journal is named after the service's path in
    # it, which does not change when the repository is moved.
    place = os.fsencode(root.relative_to(repository.top))
    return repository.git_dir / "cofee" / hashlib.sha256(place).hexdigest()[:12]


@contextlib.contextmanager
def _naming(target: Path) -> Iterator[None]:
    """Name a file in errors instead of the new content next to it."""
    try:
        yield
    except OSError as error:
        error.filename = target
        raise


def _discard(folder: Path) -> None:
    """Remove a record, renamed first so that it is never read partially."""
    draft = folder.with_name(f"{folder.name}.draft")
    folder.rename(draft)
    shutil.rmtree(draft, ignore_errors=True)
