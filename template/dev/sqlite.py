"""SQLite databases for development and tests."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

UNREACHABLE_URL = "sqlite+aiosqlite:////nowhere/service.sqlite3"


@contextlib.contextmanager
def temporary_database() -> Iterator[str]:
    """Yield the URL of a temporary database."""
    with tempfile.TemporaryDirectory(prefix="sqlite-", ignore_cleanup_errors=True) as folder:
        yield database_url(Path(folder))


@contextlib.contextmanager
def development_database(folder: Path) -> Iterator[str]:
    """Yield the URL of the database in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    yield database_url(folder)


def has_data(folder: Path) -> bool:
    """Return whether there is a database in `folder`."""
    return (folder / "service.sqlite3").exists()


def database_url(folder: Path) -> str:
    """Return the URL for SQLAlchemy."""
    return f"sqlite+aiosqlite:///{folder / 'service.sqlite3'}"
