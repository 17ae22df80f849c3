"""The Alembic revisions of a service, read without importing them."""

from __future__ import annotations

import ast
import contextlib
import datetime as dt
import hashlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from cofee.errors import CofeeError

VERSIONS = "migrations/versions"
CONSTANTS = ("revision", "down_revision")


def next_migration(root: Path, slug: str) -> dict[str, str | None]:
    """Return the record of the next migration, on top of the only head.

    Args:
        slug: describes it in the file name; a second one on the same day gets a number.

    Raises:
        CofeeError: there are several heads, or a revision cannot be read.
    """
    head = single_head(root)
    digest = hashlib.sha1(f"{slug}:{head or ''}".encode(), usedforsecurity=False)
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    numbered = (f"{slug}_{number}" if number > 1 else slug for number in itertools.count(1))
    return {
        "revision": digest.hexdigest()[:12],
        "down_revision": head,
        "date": date,
        "slug": next(
            one for one in numbered if not (root / VERSIONS / f"{date}_{one}.py").exists()
        ),
    }


def created_by(root: Path, table: str) -> str | None:
    """Return the path of the migration that creates a table."""
    creates = re.compile(rf"create_table\(\s*[\"']{re.escape(table)}[\"']")
    for path in _files(root):
        if creates.search(path.read_text(errors="replace")):
            return f"{VERSIONS}/{path.name}"
    return None


def single_head(root: Path) -> str | None:
    """Return the revision on which no other builds, or None without revisions."""
    parents = dict(_revisions(root))
    heads = parents.keys() - {parent for group in parents.values() for parent in group}
    if len(heads) > 1:
        names = ", ".join(f"`{head}`" for head in sorted(heads))
        raise CofeeError(
            f"Alembic has several heads, and a new migration needs one: {names}",
            hint="join them with `uv run alembic merge heads`, then run again",
        )
    return next(iter(heads), None)


def is_head(root: Path, path: str) -> bool:
    """Return whether no other migration builds on the one at `path`."""
    revision = _assigned(root / path).get("revision") if (root / path).is_file() else None
    return all(revision not in parents for _, parents in _revisions(root))


def place_of(root: Path, path: str) -> dict[str, object]:
    """Return the revision of the migration at `path`, and the one it builds on."""
    values = _assigned(root / path)
    return {key: values.get(key) for key in ("revision", "down_revision")}


def parent_of(root: Path, path: str) -> str | None:
    """Return the revision that the migration at `path` builds on."""
    parent = _assigned(root / path).get("down_revision") if (root / path).is_file() else None
    return parent if isinstance(parent, str) else None


def _files(root: Path) -> list[Path]:
    """Return the migration files; pipes, directories and broken links do not count."""
    return [path for path in sorted((root / VERSIONS).glob("*.py")) if path.is_file()]


def _revisions(root: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each revision and its parents."""
    for path in _files(root):
        values = _assigned(path)
        if isinstance(revision := values.get("revision"), str):
            parents = values.get("down_revision") or ()
            yield revision, (parents,) if isinstance(parents, str) else tuple(parents)


def _assigned(path: Path) -> dict[str, str | tuple[str, ...] | None]:
    """Return the constants that a migration assigns at its top level."""
    content = path.read_bytes()
    try:
        # The constants are above the functions, and parsing only these lines is much faster.
        with contextlib.suppress(SyntaxError, ValueError):
            found = _constants(content.partition(b"\ndef ")[0])
            if len(found) == len(CONSTANTS):
                return found
        return _constants(content)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise CofeeError(
            f"`{VERSIONS}/{path.name}` does not define its revision as a constant",
            hint="`revision` and `down_revision` must be constants",
        ) from error


def _constants(source: bytes) -> dict[str, str | tuple[str, ...] | None]:
    assigned = _assignments(ast.parse(source).body)
    return {name: ast.literal_eval(value) for name, value in assigned if name in CONSTANTS}


def _assignments(statements: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in statements:
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            yield target.id, value
