"""Uses of names that a change removes: fields, methods and classes of generated files.

Only the text of a line is known here, not the type of an object. A line is listed if it uses a
removed name as an attribute, a keyword or a text, in a file that can use the class.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cofee.files import File, Tree
from cofee.source.imports import UNREADABLE
from cofee.source.renames import Mention, lines_with

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Removal:
    """The names that a file no longer defines, and the classes of that file."""

    folder: str
    classes: frozenset[str]
    names: frozenset[str]

    def concerns(self, path: str, text: str) -> bool:
        """Return whether a file is in the same package, or contains the name of a class."""
        return path.startswith(f"{self.folder}/") or any(name in text for name in self.classes)


def removals(before: Tree, after: Tree) -> list[Removal]:
    """Return what each Python file of the second tree no longer defines."""
    found = []
    for path in sorted(before.keys() & after.keys()):
        if path.endswith(".py") and before[path] != after[path]:
            classes, names = _definitions(before[path])
            gone = names - _definitions(after[path])[1]
            if gone:
                folder = str(PurePosixPath(path).parent)
                found.append(Removal(folder, classes, frozenset(gone)))
    return found


def uses(files: Mapping[str, str], removed: Sequence[Removal]) -> list[Mention]:
    """Return the lines that use a removed name."""
    found: list[Mention] = []
    for path, text in sorted(files.items()):
        concerning = [one for one in removed if one.concerns(path, text)]
        names = "|".join(sorted({re.escape(name) for one in concerning for name in one.names}))
        if names:
            used = re.compile(rf"""[.'"](?:{names})\b|\b(?:{names})\s*(?:[:(]|=(?!=))""")
            found += lines_with(used, path, text)
    return found


def _definitions(file: File) -> tuple[frozenset[str], set[str]]:
    """Return the classes of a file, and all public names that it defines."""
    try:
        tree = ast.parse(file.content)
    except UNREADABLE:
        return frozenset(), set()
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    scopes: list[ast.Module | ast.ClassDef] = [tree, *classes]
    names = {name for scope in scopes for name in _bound(scope)}
    public = {name for name in names if not name.startswith("_")}
    return frozenset(node.name for node in classes), public


def _bound(scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in scope.body:
        if isinstance(node, Definition):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
