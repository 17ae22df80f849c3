"""All or nothing: after any failure, the project is as before or as after the command."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cofee.errors import CofeeError, StoppedError
from cofee.files import EXECUTABLE, LINK, Change, File
from cofee.project import journal
from cofee.project.journal import APPLYING, Journal
from tests.conftest import Run, snapshot
from tests.test_update import next_main
from tests.tiny import FILES, MODULE, release, write

CHANGES = (
    Change("changed.txt", File(b"old\n"), File(b"new\n")),
    Change("made/deep/file.txt", None, File(b"made\n", EXECUTABLE)),
    Change("gone/file.txt", File(b"gone\n"), None),
    Change("link", None, File(b"changed.txt", LINK)),
    Change("answers.yml", File(b"v: 1\n"), File(b"v: 2\n")),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in the state that `CHANGES` starts from."""
    root = tmp_path / "project"
    write(root, {"changed.txt": "old\n", "gone/file.txt": "gone\n", "answers.yml": "v: 1\n"})
    return root


def applied(root: Path) -> None:
    """Apply `CHANGES` as a command does."""
    with Journal(root).lock():
        Journal(root).apply(CHANGES, {"command": "test"})


class InjectedError(OSError):
    """The injected failure."""


def failing(after: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Let the write number `after` fail, of all calls; count all writes."""
    count = {"calls": 0}

    def wrap(owner: Any, name: str) -> None:
        genuine = getattr(owner, name)

        def maybe(*arguments: Any, **options: Any) -> Any:
            count["calls"] += 1
            if count["calls"] == after:
                raise InjectedError(errno.ENOSPC, "No space left on device", str(arguments[0]))
            return genuine(*arguments, **options)

        monkeypatch.setattr(owner, name, maybe)

    for name in ("replace", "mkdir", "unlink", "rename", "symlink_to", "open"):
        wrap(Path, name)
    wrap(os, "fsync")
    return count


def test_applies_everything(root: Path) -> None:
    """Files are made, changed, linked and removed, and an emptied folder goes too."""
    applied(root)

    assert snapshot(root) == {
        "answers.yml": b"v: 2\n",
        "changed.txt": b"new\n",
        "link": b"changed.txt",
        "made/deep/file.txt": b"made\n",
    }
    assert os.access(root / "made/deep/file.txt", os.X_OK)
    assert not (root / "gone").exists()


def test_failure_at_every_write_changes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write fails once; the folder is unchanged every time."""
    before, number = snapshot(root), 0
    while True:
        number += 1
        with Journal(root).lock(), monkeypatch.context() as patch:
            count = failing(number, patch)
            try:
                Journal(root).apply(CHANGES, {"command": "test"})
            except (CofeeError, OSError):
                assert count["calls"] >= number
            else:
                break
        with Journal(root).lock():  # what could not be taken back at once is taken back now
            assert snapshot(root) == before
            assert {path.name for path in root.iterdir()} >= {"changed.txt", "gone"}
            assert not (root / "made").exists()

    assert number > 15
    assert snapshot(root) != before


def test_full_disk_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the reason and a file of the user, and that nothing was written."""
    for number in range(1, 20):
        with monkeypatch.context() as patch:
            failing(number, patch)
            with pytest.raises(CofeeError) as refusal:
                Journal(root).apply(CHANGES, {"command": "test"})

        assert "the disk is full" in refusal.value.message
        assert ".cofee-" not in refusal.value.message
        assert refusal.value.hint == "nothing was written"


def test_interrupt_rolls_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between two writes leaves the folder as it was, and the command says so."""
    before = snapshot(root)
    genuine = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        if target.name == "answers.yml" and b"2" in self.read_bytes():
            raise KeyboardInterrupt
        return genuine(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(StoppedError, match="nothing was kept"):
        applied(root)

    assert snapshot(root) == before


def test_interrupt_after_the_commit_keeps_the_change(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        genuine(self, target)
        if self.name == APPLYING:
            raise KeyboardInterrupt
        return target

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        applied(root)

    assert (root / "changed.txt").read_text() == "new\n"


def test_change_by_somebody_else_meanwhile_is_refused(root: Path) -> None:
    """A file that an editor saved between reading and writing is not overwritten."""
    (root / "answers.yml").write_text("v: mine\n")

    with pytest.raises(CofeeError, match="was changed by another program"):
        applied(root)

    assert (root / "changed.txt").read_text() == "old\n"
    assert (root / "answers.yml").read_text() == "v: mine\n"


def test_recovery_keeps_what_somebody_wrote_since(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a kill and the next command a person may edit; that edit stays."""
    with monkeypatch.context() as patch, Journal(root).lock():
        patch.setattr(Journal, "_roll_back", lambda *_: None)  # as if killed
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Journal(root).apply(CHANGES[:2], {"command": "test"})
    (root / "changed.txt").write_text("edited since\n")

    with Journal(root).lock():
        pass

    assert (root / "changed.txt").read_text() == "edited since\n"
    assert not (root / "made").exists()


def test_second_run_is_refused_while_the_first_holds_the_lock(shop: Path, cofee: Run) -> None:
    """Two commands never write to one project at the same time."""
    before = snapshot(shop)
    with Journal(shop).lock():
        ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "another cofee command is running" in ran.err
    assert snapshot(shop) == before


def test_lock_of_a_killed_process_is_free(root: Path) -> None:
    """The kernel frees the lock, so there is no stale file to remove."""
    folder = Journal(root).folder
    folder.mkdir(parents=True)
    script = (
        f"import fcntl, time; h = open({str(folder / 'lock')!r}, 'w'); fcntl.flock(h, 2)\n"
        "print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(CofeeError), Journal(root).lock():
            pass
        holder.kill()

    with Journal(root).lock():
        pass


def test_old_records_are_forgotten(root: Path) -> None:
    """The journal does not grow without end."""
    keeper = Journal(root)
    with keeper.lock():
        for number in range(journal.KEPT + 3):
            keeper.apply([Change(f"file{number}", None, File(b""))], {"command": "test"})

    assert len(keeper.records()) == journal.KEPT


def test_outside_git_the_journal_hides_itself(root: Path) -> None:
    """Its folder is ignored as soon as there is a repository."""
    applied(root)

    assert (root / ".cofee/.gitignore").read_text() == "*\n"


@pytest.mark.parametrize("seed", range(3))
def test_kill_at_a_random_moment(seed: int, shop: Path, template: Path, cofee: Run) -> None:
    """After SIGKILL and one more command the tree is whole: all old, or all new."""
    extra = {f"template/{MODULE}/file{number}.py": "x = 1\n" * 50 for number in range(40)}
    service = f"template/{MODULE}/service.py.jinja"
    changes = {service: FILES[service].replace("10", "20"), **next_main(PORT="P"), **extra}
    release(template, "v1.1.0", changes)
    cofee("update", "--dry-run", "-C", shop)  # the template is cached from here on
    before = snapshot(shop)
    # The process says when it starts to write, and the kill comes some moment after that.
    script = (
        "import sys, cofee.project.journal as j\n"
        "write = j.Journal.apply\n"
        "def apply(*a, **k):\n    print('go', flush=True)\n    return write(*a, **k)\n"
        "j.Journal.apply = apply\n"
        f"sys.argv = ['cofee', 'update', '-C', {str(shop)!r}]\n"
        "from cofee.__main__ import main\nmain()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        assert running.stdout
        running.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.03))
        running.send_signal(signal.SIGKILL)

    cofee("status", "-C", shop)
    after = snapshot(shop)
    if after != before:
        assert "LIMIT = 20" in (shop / "app/modules/customers/service.py").read_text()
        assert "_commit: v1.1.0" in (shop / ".copier-answers.yml").read_text()
        assert len(after) == len(before) + 40
    assert cofee("update", "-C", shop).code == 0
    assert not [path for path in shop.rglob(".*cofee-*") if ".git" not in path.parts]


def test_read_only_folder_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that cannot be written is refused before anything else happens."""

    def read_only(self: Path, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(CofeeError, match="the file system is read-only"):
        applied(root)
