"""SQLite needs no server: a database is a file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

UNREACHABLE_URL = "sqlite+aiosqlite:////nowhere/service.sqlite3"


@contextlib.contextmanager
def temporary_database() -> Iterator[str]:
    """Yield the URL of a new file, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="sqlite-", ignore_cleanup_errors=True) as folder:
        yield database_url(Path(folder))


@contextlib.contextmanager
def development_database(folder: Path) -> Iterator[str]:
    """Yield the URL of the file that stays in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    yield database_url(folder)


def database_url(folder: Path) -> str:
    """Return the URL as SQLAlchemy wants it."""
    return f"sqlite+aiosqlite:///{folder / 'service.sqlite3'}"
