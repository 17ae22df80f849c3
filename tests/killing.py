"""Every state that a kill can leave, and what the next command makes of it.

Runs as a separate program, because an audit hook cannot be removed:

    python tests/killing.py WORK SERVICE SHARE [ARGUMENT…]

It runs `cofee ARGUMENT…` once. SERVICE is the service or the directory that gets it. Before each
write, index change, task and removal below SERVICE it keeps a copy, which is what SIGKILL leaves at
that moment, and sends SIGINT and SIGTERM to forks. Each copy is then recovered, and each write of
the recovery leaves copies in turn, until no kill of a recovery leaves a state that was not seen
yet. What is recovered has to be the state before the command or the state after it. SHARE is the
share of the writes at which a kill is tried.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import pickle
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cofee.__main__ import main
from cofee.project import staging
from cofee.project.journal import Journal

ONE_PATH = ("os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.truncate")
TWO_PATHS = ("os.rename", "os.link", "os.symlink")
CREATING = os.O_CREAT | os.O_TRUNC
WRITING = os.O_WRONLY | os.O_RDWR | CREATING
INDEX_CHANGES = {"add", "hash-object", "update-index", "rm", "reset", "read-tree", "checkout"}
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SEED = 20261127


State = dict[str, tuple[int, bytes]]  # the mode and content of each path below the service
Facts = dict[str, Any]


class Killing:
    """The states that were seen, by their digests."""

    def __init__(self, work: Path, root: Path, share: float) -> None:
        self.work, self.root = work, root
        self.chance = random.Random(SEED)
        self.share = share
        self.is_on = False
        self.signals: tuple[signal.Signals, ...] = ()
        self.states: dict[str, State] = {}
        self.points = self.tried = self.kills = 0
        sys.addaudithook(self._hook)

    @contextlib.contextmanager
    def watching(self, *signals: signal.Signals) -> Iterator[None]:
        """Keep the state before each write, and try these signals there."""
        self.is_on, self.signals = True, signals
        try:
            yield
        finally:
            self.is_on = False

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on or not self._writes(event, arguments):
            return
        self.is_on = False  # the copies are no writes of the command
        self.points += 1
        if self.chance.random() < self.share:
            self.tried += 1
            self.keep()
            if event == "open":
                self._tear(Path(os.fsdecode(arguments[0])))
            for number in self.signals if self._can_interrupt(event, arguments) else ():
                self._interrupt(number)
        self.is_on = True

    def _writes(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            is_writing = bool(arguments[2] & WRITING)
            return is_writing and isinstance(arguments[0], str) and self._is_below(arguments[0])
        if event in ONE_PATH:
            return self._is_below(arguments[0], arguments[-1])
        if event in TWO_PATHS:
            return any(self._is_below(path) for path in arguments[:2])
        if event != "subprocess.Popen" or not self._is_below(arguments[2] or "."):
            return False
        return arguments[0] != "git" or not INDEX_CHANGES.isdisjoint(arguments[1])

    @staticmethod
    def _can_interrupt(event: str, arguments: tuple[Any, ...]) -> bool:
        """Return whether a fork can be interrupted: it shares no open file, and starts no task."""
        uses_open_folder = event in ONE_PATH and arguments[-1] > 2
        is_task = event == "subprocess.Popen" and arguments[0] != "git"
        return not (isinstance(arguments[0], int) or uses_open_folder or is_task)

    def _is_below(self, path: Any, folder: Any = -1) -> bool:
        if isinstance(path, int):
            path = f"/proc/self/fd/{path}"
        elif isinstance(folder, int) and folder > 2:
            path = f"{Path(f'/proc/self/fd/{folder}').readlink()}/{os.fsdecode(path)}"
        return os.path.realpath(os.fsdecode(path)).startswith(str(self.root))

    def _tear(self, path: Path) -> None:
        """Keep the state in which a file is created or emptied and not written yet."""
        content = path.read_bytes() if path.exists() else None
        path.write_bytes(b"")
        self.keep()
        path.unlink() if content is None else path.write_bytes(content)

    def _interrupt(self, number: signal.Signals) -> None:
        """Send a signal to a fork, and keep the state that it leaves and those on its way."""
        saved = read_state(self.root)
        self.kills += 1
        child = os.fork()
        if child == 0:
            self.is_on, self.signals, self.states, self.kills = True, (), {}, 0
            os.kill(os.getpid(), number)
            return
        os.waitpid(child, 0)
        with (self.work / "child").open("rb") as handle:
            states, kills = pickle.load(handle)  # noqa: S301 (written by the fork)
        self.states |= states
        self.kills += kills
        self.keep()
        write_state(self.root, saved)

    def end_child(self) -> None:
        """Hand over what this fork has seen."""
        with (self.work / "child").open("wb") as handle:
            pickle.dump((self.states, self.kills), handle)
        os._exit(0)

    def keep(self) -> None:
        """Keep a copy of the service, unless this state was seen already."""
        self.kills += 1
        state = read_state(self.root)
        self.states.setdefault(digest(state), state)


def read_state(root: Path) -> State:
    """Return all that a kill can leave unfinished; objects of git and the lock are not among it."""
    found: State = {}
    for folder, folders, files in os.walk(root):
        if folder == str(root / ".git"):
            folders[:] = [name for name in folders if name == "cofee"]
            files = [name for name in files if name.startswith("index")]
        for name in [*folders, *files]:
            path = Path(folder, name)
            mode, content = path.lstat().st_mode, b""
            if stat.S_ISLNK(mode):
                content = os.fsencode(path.readlink())
            elif stat.S_ISREG(mode):
                content = path.read_bytes()
            found[str(path.relative_to(root))] = (mode, content)
    return found


def write_state(root: Path, state: State) -> None:
    """Let the service be in a state again."""
    current = read_state(root)
    different = {path for path, what in current.items() if state.get(path) != what}
    for path in sorted(different, reverse=True):
        if stat.S_ISDIR(current[path][0]):
            if path not in state:
                (root / path).rmdir()
        else:
            (root / path).unlink()
    for path, (mode, content) in sorted(state.items()):
        if current.get(path) == (mode, content):
            continue
        target = root / path
        if stat.S_ISLNK(mode):
            target.symlink_to(os.fsdecode(content))
            continue
        if stat.S_ISDIR(mode):
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(content)
        target.chmod(stat.S_IMODE(mode))


def digest(state: State) -> str:
    """Return a digest of all modes and contents."""
    return hashlib.sha256(repr(sorted(state.items())).encode()).hexdigest()


def facts(root: Path) -> Facts:
    """Return what has to be as before or as after: files, modes, index and journal."""
    journal = Journal(root)
    state = read_state(root)
    hidden = {".cofee", ".git"}
    files = {path: repr(what) for path, what in state.items() if Path(path).parts[0] not in hidden}
    listed = [str(path.relative_to(journal.folder)) for path in journal.folder.rglob("*")]
    return {
        "files": files,
        "index": shown_index(root, state.get(".git/index", (0, b""))[1]),
        "journal": [
            (
                record.data["command"],
                [tuple(change) for change in record.changes],
                record.is_pending,
                record.can_be_undone,
            )
            for record in journal.records()
        ],
        "left": [path for path in listed if path.endswith(("draft", "applying", "finishing"))],
    }


@functools.cache
def shown_index(root: Path, content: bytes) -> str:
    """Return the entries of the index, of which `content` is the file."""
    command = ["git", "ls-files", "--stage", "-z"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).stdout.decode()


def recover(root: Path) -> None:
    """Do what every command does first."""
    for folder in (root, *root.glob("*/")):
        staging.recover(folder)
    Journal(root).recover()
    with Journal(root).lock():
        pass


def explore(killing: Killing, arguments: list[str]) -> dict[str, Any]:
    """Run a command, recover every state that kills leave, and return what is wrong."""
    before = facts(killing.root)
    sys.argv = ["cofee", *arguments]
    parent, code = os.getpid(), None
    try:
        with killing.watching(*SIGNALS):
            main()
    except SystemExit as leaving:
        code = leaving.code
    except BaseException as error:  # only a fork is interrupted
        code = repr(error)
    if os.getpid() != parent:
        killing.end_child()
    killing.keep()
    after = facts(killing.root)
    points, tried = killing.points, killing.tried
    wrong, seen = [], set[str]()
    while todo := killing.states.keys() - seen:
        for name in sorted(todo):
            seen.add(name)
            write_state(killing.root, killing.states[name])
            with killing.watching():
                recover(killing.root)
            killing.keep()
            result = facts(killing.root)
            if result not in (before, after):
                wrong.append({"state": name, **differences(result, before, after)})
    return {
        "code": code,
        "points": points,
        "tried": tried,
        "recovery_points": killing.points - points,
        "kills": killing.kills,
        "states": len(seen),
        "changes": before != after,
        "wrong": wrong,
    }


def differences(result: Facts, before: Facts, after: Facts) -> dict[str, Any]:
    """Return each fact that is not as before the command, with what it is and what it was."""
    return {
        name: repr({"now": value, "before": before[name], "after": after[name]})
        for name, value in result.items()
        if value != before[name]
    }


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    work, root, share, *arguments = sys.argv[1:]
    Path(work).mkdir()
    outcome = explore(Killing(Path(work), Path(root).resolve(), float(share)), arguments)
    sys.__stdout__.write(json.dumps(outcome) + "\n")  # type: ignore[union-attr]
