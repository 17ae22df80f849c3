"""The record of an operation: a folder that says which path goes from which content to which.

plan.json   the data that the command gave, and the changes by the digests of their contents
blobs/      those contents, by digest
applying    stands there while the project is being written
pending     stands there while conflicts wait for a person
undone      stands there once the operation was taken back
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cofee.files import File


class Change(NamedTuple):
    """One path, before and after; None where there is no file."""

    path: str
    before: File | None
    after: File | None


@dataclass(frozen=True)
class Record:
    """An operation on record: its folder, and the data that was given with it."""

    folder: Path
    data: Mapping[str, Any]
    changes: tuple[Change, ...]
    suffix: str  # of the files that are written beside their targets

    @property
    def is_pending(self) -> bool:
        """Whether its conflicts still wait for a person."""
        return (self.folder / "pending").exists()

    @property
    def can_be_undone(self) -> bool:
        """Whether it is a step of its own that nobody has taken back yet."""
        is_over = self.is_pending or (self.folder / "undone").exists()
        return bool(self.data.get("is_step")) and not is_over

    def settle(self) -> None:
        """Record that nothing waits any more."""
        (self.folder / "pending").unlink()

    def mark_undone(self) -> None:
        """Record that the operation was taken back, or given up."""
        (self.folder / "undone").touch()


def store(
    target: Path, changes: Sequence[Change], data: Mapping[str, Any], marks: Iterable[str]
) -> Record:
    """Write the plan and every content, then let the finished folder appear at once."""
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
    return load(target)


def _fill(draft: Path, changes: Sequence[Change], data: Mapping[str, Any]) -> None:
    (draft / "blobs").mkdir(parents=True)
    rows = [
        [change.path, _store(draft, change.before), _store(draft, change.after)]
        for change in changes
    ]
    plan = {"data": data, "suffix": os.urandom(4).hex(), "changes": rows}
    (draft / "plan.json").write_text(json.dumps(plan), encoding="ascii")


def load(folder: Path) -> Record:
    """Read a record."""
    plan = json.loads((folder / "plan.json").read_text(encoding="ascii"))

    def file(stored: list[Any] | None) -> File | None:
        if stored is None:
            return None
        return File((folder / "blobs" / stored[1]).read_bytes(), stored[0])

    changes = tuple(Change(path, file(old), file(new)) for path, old, new in plan["changes"])
    return Record(folder, plan["data"], changes, plan["suffix"])


def discard(folder: Path) -> None:
    """Remove a record; renamed first, so that no half of it is ever read."""
    draft = folder.with_name(f"{folder.name}.draft")
    folder.rename(draft)
    shutil.rmtree(draft, ignore_errors=True)


def _store(folder: Path, file: File | None) -> list[Any] | None:
    if file is None:
        return None
    digest = hashlib.sha256(file.content).hexdigest()
    blob = folder / "blobs" / digest
    if not blob.exists():
        blob.write_bytes(file.content)
    return [file.mode, digest]
