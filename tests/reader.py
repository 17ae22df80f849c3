"""Reads a documentation page as its reader does: runs its commands, in order, in a real shell.

A page says what to run in `console` blocks. Three comments, which no reader sees, complete it:

    <!-- by hand: … -->   shell that does what the page tells: an edit, a release of a template
    <!-- file: NAME -->   the reader saves the next block as this file
    <!-- exit: CODE -->   the last command of the next block ends with this code
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PART = re.compile(
    r"<!-- by hand:\n(?P<hand>.*?)-->"
    r"|(?:<!-- (?P<note>file|exit): (?P<value>\S+) -->\n+)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SERVING = "poe dev"
# The tests run inside the tests: this one command is what runs them.
RUNNING_ALREADY = "uv run pytest"
SECONDS_TO_SERVE = 180
SECONDS_A_COMMAND = 300


@dataclass(frozen=True)
class Step:
    """One command, what its page shows of its output, and the code it ends with."""

    command: str
    shown: tuple[str, ...] = ()
    exit_code: int = 0
    shown_to_reader: bool = True


@dataclass(frozen=True)
class SavedFile:
    """A file that the reader saves in the folder where he is."""

    name: str
    content: str


@dataclass
class Reader:
    """A reader in a shell: a directory, which commands change, and an environment."""

    root: Path
    folder: Path
    environment: dict[str, str]
    transcript: list[str] = field(default_factory=list)

    def follow(self, page: str) -> None:
        """Do all that a page says; raise where it goes otherwise than the page shows."""
        for step in steps(page):
            if isinstance(step, SavedFile):
                (self.folder / step.name).write_text(step.content, encoding="utf-8")
            elif SERVING in step.command:
                self._serve(step.command)
            elif step.command != RUNNING_ALREADY:
                self._run(step)

    def _run(self, step: Step) -> None:
        where = self.root / ".where"
        script = f"trap 'pwd > {where}' EXIT\n{step.command}\n"
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder if step.shown_to_reader else self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_A_COMMAND,
        )
        if step.shown_to_reader:
            self.folder = Path(where.read_text(encoding="utf-8").strip())
        told = f"$ {step.command}\n{done.stdout}"
        self.transcript.append(told)
        assert done.returncode == step.exit_code, f"exit code {done.returncode}\n{told}"
        lines = [line.strip() for line in done.stdout.splitlines()]
        for shown in step.shown:
            assert any(_matches(shown, line) for line in lines), f"not shown: {shown}\n{told}"

    def _serve(self, command: str) -> None:
        """Start a service, open its documentation, and leave with Ctrl-C."""
        port = free_port()
        with (self.root / "served.log").open("w+", encoding="utf-8") as log:
            served = subprocess.Popen(
                ["bash", "-e", "-c", command],
                cwd=self.folder,
                env={**self.environment, "PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                answer = _fetch(f"http://127.0.0.1:{port}/docs", served)
                ended = served.poll()
            finally:
                _interrupt(served)
            log.seek(0)
            told = f"$ {command}\n{log.read()}\nended by itself: {ended}\n{answer}"
            assert "swagger" in answer.lower(), told


def steps(page: str) -> Iterator[Step | SavedFile]:
    """Yield what a page has its reader do."""
    for part in PART.finditer(page):
        if part["hand"]:
            yield Step(part["hand"], shown_to_reader=False)
        elif part["note"] == "file":
            yield SavedFile(part["value"], part["text"])
        elif part["language"] == "console":
            code = int(part["value"]) if part["note"] == "exit" else 0
            yield from _console(part["text"], code)


def _console(text: str, exit_code: int) -> Iterator[Step]:
    """Yield the commands of a block, each with the lines below it."""
    pieces = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not pieces[0].strip(), f"output without a command: {pieces[0]}"
    for number, piece in enumerate(pieces[1:], 1):
        command, *shown = piece.replace("\\\n> ", "").splitlines()
        wanted = tuple(line.strip() for line in shown if line.strip() not in {"", "…"})
        yield Step(command, wanted, exit_code if number == len(pieces) - 1 else 0)


def _matches(shown: str, line: str) -> bool:
    """Return whether a line is what a page shows; `…` matches any text."""
    return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), line) is not None


def _fetch(address: str, served: subprocess.Popen[bytes]) -> str:
    """Return the page at an address as soon as it is served; nothing when it never is."""
    end = time.monotonic() + SECONDS_TO_SERVE
    while served.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 (it is http)
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.2)
    return ""


def _interrupt(served: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C, which reaches the whole group; what does not stop is ended."""
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(served.pid, signal_number)
            served.wait(timeout=30)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
