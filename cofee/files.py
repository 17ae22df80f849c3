"""Files as the engine uses them: a path relative to the service, bytes and a git mode."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from cofee.errors import CofeeError, quote

REGULAR, EXECUTABLE, LINK = 0o100644, 0o100755, 0o120000
# Clearer than the texts of the system.
REASONS = {errno.ENOSPC: "the disk is full", errno.EROFS: "the file system is read-only"}


class File(NamedTuple):
    """An entry of a tree; the content of a symbolic link is its target."""

    content: bytes
    mode: int = REGULAR


Tree = Mapping[str, File]  # by path, with `/` as separator


class Change(NamedTuple):
    """A path before and after a change; None if there is no file."""

    path: str
    before: File | None
    after: File | None


def read_file(path: Path) -> File | None:
    """Return the file or symbolic link at `path`, or None."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return File(os.fsencode(path.readlink()), LINK)
        if stat.S_ISREG(status.st_mode):
            executable = status.st_mode & stat.S_IXUSR
            return File(path.read_bytes(), EXECUTABLE if executable else REGULAR)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CofeeError(
            f"{quote(path)} cannot be read: {reason(error)}",
            hint="check the path and its permissions",
        ) from error
    return None


def reason(error: OSError) -> str:
    """Return why a file cannot be used, in lower case."""
    if error.errno in REASONS:
        return REASONS[error.errno]
    return (error.strerror or str(error)).lower()


@contextlib.contextmanager
def from_current_directory() -> Iterator[None]:
    """Find a relative path.

    Raises:
        CofeeError: the current directory was deleted.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise CofeeError(
            "the current directory no longer exists", hint="change to an existing directory"
        ) from error


def lines_of(text: str) -> list[str]:
    """Split a text only at newlines: `str.splitlines` also splits at form feeds."""
    return StringIO(text).readlines()


def is_crlf(file: File) -> bool:
    """Return whether every line of a file ends with CRLF."""
    newlines = file.content.count(b"\n")
    return newlines > 0 and file.content.count(b"\r\n") == newlines


def with_lf(file: File) -> File:
    """Return a file with LF line endings."""
    return file._replace(content=file.content.replace(b"\r\n", b"\n"))


def with_crlf(file: File) -> File:
    """Return a file with CRLF instead of LF line endings."""
    return file._replace(content=file.content.replace(b"\n", b"\r\n"))


def with_endings_of(file: File, other: File | None) -> File:
    """Return a file with CRLF line endings if another one has them, as in a clone on Windows."""
    return with_crlf(with_lf(file)) if other is not None and is_crlf(other) else file


def load_yaml(content: bytes, path: str) -> Any:
    """Return the content of a YAML file.

    Raises:
        CofeeError: it is not valid YAML; the message has `path` and the line.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, if available
    try:
        return yaml.load(content, Loader=loader)  # noqa: S506 (both loaders are safe)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or _unreadable(error)
        raise CofeeError(
            f"`{path}`{where} is not valid YAML: {problem}",
            hint="fix the file, or restore it from the git history",
        ) from error


def _unreadable(error: Exception) -> str:
    """Return the problem if the parser gives none, as for invalid UTF-8 or an invalid date."""
    if isinstance(error, UnicodeError):
        return "it is not text"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
