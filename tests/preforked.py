"""Programs of an environment that fork from a process that has loaded them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.prefork import run

PREFORK = Path(__file__).with_name("prefork.py")


@dataclass(frozen=True)
class Preforked:
    """The programs of an environment, and the server that runs them."""

    venv: Path
    socket: Path
    variables: Mapping[str, str]

    def command(self, name: str, **variables: str) -> str:
        """Return the shell command of a program, to which its arguments are added."""
        words = [sys.executable, "-SE", PREFORK, "run", self.socket, self.venv / "bin" / name]
        pairs = [f"{key}={value}" for key, value in variables.items()]
        return shlex.join(["env", *pairs, *map(str, words)])

    def first(self, *names: str) -> dict[str, str]:
        """Return a PATH on which these programs are forks, and others those of the environment."""
        programs = self.socket.with_name("-".join(names))
        programs.mkdir(exist_ok=True)
        for name in names:
            (programs / name).write_text(f'#!/bin/sh\nexec {self.command(name)} "$@"\n')
            (programs / name).chmod(0o755)
        return {"PATH": os.pathsep.join(map(str, (programs, self.variables["PATH"])))}

    def run(
        self,
        folder: Path,
        program: str,
        *arguments: str,
        variables: Mapping[str, str],
        given: Path = Path(os.devnull),
    ) -> tuple[int, str]:
        """Run a program or the script with this path; return its exit code and what it printed."""
        words = [str(self.venv / "bin" / program), *arguments]
        printed = self.socket.with_name("printed")
        with given.open() as source, printed.open("w") as output:
            streams = (source.fileno(), output.fileno(), output.fileno())
            environment = {**self.variables, **variables}
            code = run(str(self.socket), words, environment, str(folder), streams)
        return code, printed.read_text()


@contextmanager
def preforked(
    venv: Path, modules: Sequence[str], variables: Mapping[str, str]
) -> Iterator[Preforked]:
    """Start the server of an environment, with the modules that its programs import."""
    with tempfile.TemporaryDirectory() as folder:  # the address of a socket must be short
        address = Path(folder) / "socket"
        python = [str(venv / "bin/python"), "-P"]  # nothing is imported from beside the server
        serve = [*python, str(PREFORK), "serve", str(address), *modules]
        # What it imports is compiled once for all servers, also if its forks compile nothing.
        compiling = {k: v for k, v in variables.items() if k != "PYTHONDONTWRITEBYTECODE"}
        with subprocess.Popen(serve, env=compiling, stdout=subprocess.PIPE) as server:
            assert server.stdout
            assert server.stdout.readline() == b"ready\n"
            try:
                yield Preforked(venv, address, variables)
            finally:
                server.kill()


def modules_of_the_command() -> Iterator[str]:
    """Yield all of them, because some are imported only when a command needs them."""
    root = Path(__file__).parents[1]
    for path in sorted((root / "cofee").rglob("[a-z]*.py")):
        yield ".".join(path.relative_to(root).with_suffix("").parts)
