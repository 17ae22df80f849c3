"""The Alembic revisions of a service, read without importing them."""

from __future__ import annotations

import ast
import contextlib
import datetime as dt
import hashlib
import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cofee.errors import CofeeError
from cofee.files import Change

Constants = dict[str, str | tuple[str, ...] | None]
CONSTANTS = ("revision", "down_revision")


@dataclass(frozen=True)
class Migrations:
    """The migrations of a project.

    Attributes:
        folder: where they are, below the root.
        alembic: the command by which a user runs Alembic.
    """

    root: Path
    folder: str
    alembic: str

    def next(self, slug: str, below: str | None = None) -> dict[str, str | None]:
        """Return the place of the next migration, after the project's only head.

        Args:
            below: the revision that it builds on instead, if it is not written yet.
            slug: what it does, for its file's name; a second one of a day gets a number.

        Raises:
            CofeeError: there are several heads, or a revision cannot be read.
        """
        head = below or self.single_head()
        digest = hashlib.sha1(f"{slug}:{head or ''}".encode(), usedforsecurity=False)
        date = dt.datetime.now(tz=dt.UTC).date().isoformat()
        numbered = (f"{slug}_{number}" if number > 1 else slug for number in itertools.count(1))
        taken = {path.stem for path in self._directory.glob("*.py")}
        return {
            "revision": digest.hexdigest()[:12],
            "down_revision": head,
            "date": date,
            "slug": next(name for name in numbered if f"{date}_{name}" not in taken),
        }

    def created_by(self, table: str) -> str | None:
        """Return the path of the migration that creates a table."""
        creates = re.compile(rf"create_table\(\s*[\"']{re.escape(table)}[\"']")
        for path in self._files():
            if creates.search(path.read_text(errors="replace")):
                return f"{self.folder}/{path.name}"
        return None

    def single_head(self) -> str | None:
        """Return the revision that no other builds on, or None without revisions."""
        parents = dict(self._revisions())
        heads = parents.keys() - {parent for group in parents.values() for parent in group}
        if len(heads) > 1:
            names = ", ".join(f"`{head}`" for head in sorted(heads))
            raise CofeeError(
                f"Alembic has several heads, and a new migration needs one: {names}",
                hint=f"join them with `{self.alembic} merge heads`, then run again",
            )
        return next(iter(heads), None)

    def is_head(self, path: str, besides: Collection[str] = ()) -> bool:
        """Return whether no other migration builds on the one at `path`.

        Args:
            besides: the paths of migrations that may.
        """
        revision = self._at(path).get("revision")
        ignored = {self._at(other).get("revision") for other in besides}
        return all(
            revision not in parents or other in ignored for other, parents in self._revisions()
        )

    def place_of(self, path: str) -> dict[str, object]:
        """Return the revision of the migration at `path`, and the one it builds on."""
        values = self._assigned(self.root / path)
        return {key: values.get(key) for key in ("revision", "down_revision")}

    def holds(self, path: str) -> bool:
        """Return whether a path is a migration."""
        return path.startswith(f"{self.folder}/")

    @property
    def _directory(self) -> Path:
        return self.root / self.folder

    def _files(self) -> list[Path]:
        """Return the migrations; a pipe, a folder or a dangling link is not one."""
        return [path for path in sorted(self._directory.glob("*.py")) if path.is_file()]

    def _revisions(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each revision and those it builds on."""
        for path in self._files():
            values = self._assigned(path)
            if isinstance(revision := values.get("revision"), str):
                parents = values.get("down_revision") or ()
                yield revision, (parents,) if isinstance(parents, str) else tuple(parents)

    def _at(self, path: str) -> Constants:
        return self._assigned(self.root / path) if (self.root / path).is_file() else {}

    def _assigned(self, path: Path) -> Constants:
        """Return the constants that a migration assigns at its top level."""
        content = path.read_bytes()
        try:
            # What Alembic writes precedes the functions, and parsing that alone is much faster.
            with contextlib.suppress(SyntaxError, ValueError):
                found = _constants(content.partition(b"\ndef ")[0])
                if len(found) == len(CONSTANTS):
                    return found
            return _constants(content)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise CofeeError(
                f"`{self.folder}/{path.name}` does not define its revision as a constant",
                hint="`revision` and `down_revision` must be constants",
            ) from error


def warnings_of(changes: Iterable[Change], folder: str) -> list[str]:
    """Return what new migrations warn of: what their upgrades say after the first paragraph."""
    return [
        " ".join(paragraph.split()).removesuffix(".")
        for change in changes
        if change.before is None and change.after and change.path.startswith(f"{folder}/")
        for statement in ast.parse(change.after.content).body
        if isinstance(statement, ast.FunctionDef) and statement.name == "upgrade"
        for paragraph in (ast.get_docstring(statement) or "").split("\n\n")[1:]
    ]


def _constants(source: bytes) -> Constants:
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
