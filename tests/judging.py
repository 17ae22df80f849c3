"""Says whether the generated tests of a service are green, quickly: for hundreds of services."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests import generated

RUNNER = Path(__file__).with_name("forking.py")
VARIABLES = {**generated.DATABASES["sqlite"], "PYTHONDONTWRITEBYTECODE": "1"}
# What is imported already has its assertions explained no better than Python does.
IMPORTED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
ARGUMENTS = ("-q", "--tb=short", "-p", "no:cacheprovider", "-W", IMPORTED)
GREEN, RED = 0, 1  # pytest's exit codes; any other means that no test was run as it should be


class Judge:
    """Runs tests of services, once for those that mean the same."""

    def __init__(self, runner: subprocess.Popen[str], printed: Path) -> None:
        self._runner, self._printed = runner, printed
        self._known: dict[str, str] = {}

    def complaint(self, service: Path, *tests: str) -> str:
        """Return what tests print when they are red; nothing when they are green."""
        means = f"{tests} {meaning(service)}"
        if means not in self._known:
            code = self._run(service, tests)
            printed = self._printed.read_text()
            assert code in {GREEN, RED}, printed
            self._known[means] = printed if code == RED else ""
        return self._known[means]

    def _run(self, service: Path, tests: Sequence[str]) -> int:
        assert self._runner.stdin
        assert self._runner.stdout
        order = [str(service), [*ARGUMENTS, *tests], str(self._printed)]
        self._runner.stdin.write(json.dumps(order) + "\n")
        self._runner.stdin.flush()
        return int(self._runner.stdout.readline())


@contextmanager
def judging(environment: Path, folder: Path) -> Iterator[Judge]:
    """Start a process that runs tests, and let it end."""
    with subprocess.Popen(
        [environment / "bin/python", RUNNER],
        env={**generated.variables(environment), **VARIABLES},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        yield Judge(runner, folder / "printed.txt")


def meaning(service: Path) -> str:
    """Tell services apart by what Python sees of them, which is neither comments nor layout."""
    found = hashlib.sha256()
    for path in sorted(service.rglob("*.py")):
        found.update(f"{path.relative_to(service)} {_meaning(path.read_bytes())}".encode())
    return found.hexdigest()


@cache
def _meaning(source: bytes) -> str:
    return hashlib.sha256(ast.dump(ast.parse(source)).encode()).hexdigest()
