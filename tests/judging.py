"""Says whether the generated tests of a service are green, quickly: for hundreds of services."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests import generated
from tests.generated import DATABASES

RUNNER = Path(__file__).with_name("forking.py")
# What is imported already has its assertions explained no better than Python does.
IMPORTED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
ARGUMENTS = ("-q", "--tb=short", "-p", "no:cacheprovider", "-W", IMPORTED)
# Of the tests that meet the same risk one runs; the plugin is beside the runner.
EACH_RISK = ("-p", "covering")
GREEN, RED = 0, 1  # pytest's exit codes; any other means that no test was run as it should be


class Forks:
    """Runs programs of services in forks of one process that has imported their libraries."""

    def __init__(self, process: subprocess.Popen[str], printed: Path) -> None:
        self._process, self._printed = process, printed

    def run(
        self,
        service: Path,
        *command: str,
        variables: Mapping[str, str],
        given: Path = Path("/dev/null"),
    ) -> tuple[int, str]:
        """Run `pytest` or a script; return its exit code and what it printed."""
        assert self._process.stdin
        assert self._process.stdout
        order = [str(service), command, {**variables}, str(given), str(self._printed)]
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return code, self._printed.read_text()


class Judge:
    """Runs tests of services, once for those that mean the same."""

    def __init__(self, forks: Forks) -> None:
        self._forks = forks
        self._known: dict[str, str] = {}

    def complaint(
        self, service: Path, *tests: str, variables: Mapping[str, str] = DATABASES["sqlite"]
    ) -> str:
        """Return what tests print when they are red; nothing when they are green.

        Without variables they run on the database of the service.
        """
        means = f"{tests} {variables} {meaning(service)}"
        if means not in self._known:
            code, printed = self._forks.run(
                service, "pytest", *ARGUMENTS, *tests, variables=variables
            )
            assert code in {GREEN, RED}, printed
            self._known[means] = printed if code == RED else ""
        return self._known[means]


@contextmanager
def forking(environment: Path, folder: Path) -> Iterator[Forks]:
    """Start a process that runs programs of services, and let it end."""
    with subprocess.Popen(
        [environment / "bin/python", RUNNER],
        env={**generated.variables(environment), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Forks(process, folder / "printed.txt")


def meaning(service: Path) -> str:
    """Tell services apart by what Python sees of them, which is neither comments nor layout."""
    found = hashlib.sha256()
    for path in sorted(service.rglob("*.py")):
        found.update(f"{path.relative_to(service)} {_meaning(path.read_bytes())}".encode())
    return found.hexdigest()


@cache
def _meaning(source: bytes) -> str:
    return hashlib.sha256(ast.dump(ast.parse(source)).encode()).hexdigest()
