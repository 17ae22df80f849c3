"""The user's Python files and their imports of the service's own modules."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

# They mark a directory with other code: a virtual environment, a submodule or another service.
FOREIGN = {"pyvenv.cfg", "conda-meta", ".git", ".copier-answers.yml"}
NO_SOURCES = {"__pycache__", "node_modules"}
# The errors of `ast.parse` for invalid Python.
UNREADABLE = (SyntaxError, ValueError, RecursionError)
BLOCKS = ("body", "orelse", "cases")  # the fields of statements that contain statements

Key = tuple[str, str]  # identifies an import of a file independently of its path


class Import(NamedTuple):
    """An import of a module of the service, and of a name from it if there is one."""

    line: int
    source: str  # the module as written; a relative import starts with dots
    module: str
    name: str

    @property
    def key(self) -> Key:
        return self.source, self.name


def python_files(root: Path) -> Iterator[str]:
    """Yield the paths of the user's Python files, except in hidden directories."""
    return (path for path in visible_files(root) if path.endswith(".py"))


def visible_files(root: Path) -> Iterator[str]:
    """Yield the paths of the user's files, except hidden ones and those in hidden directories."""
    for folder, below, files in os.walk(root):
        place = Path(folder).relative_to(root)
        if place.parts and not FOREIGN.isdisjoint([*below, *files]):
            below.clear()
            continue
        below[:] = [name for name in below if not name.startswith(".") and name not in NO_SOURCES]
        yield from ((place / name).as_posix() for name in files if not name.startswith("."))


@cache
def imports_of(text: str, path: str, packages: tuple[str, ...]) -> tuple[Import, ...]:
    """Return the imports of the service's code, except inside `try`, where they may fail.

    Cached, because most files are equal before and after a change.
    """
    return tuple(
        one
        for node in _statements(ast.parse(text).body)
        for one in _named(node, path)
        if one.module.split(".")[0] in packages
    )


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements and nested statements; expressions contain no imports."""
    for node in nodes:
        yield node
        if not isinstance(node, ast.Try | ast.TryStar):
            for block in BLOCKS:
                yield from _statements(getattr(node, block, ()))


def _named(node: ast.AST, path: str) -> Iterator[Import]:
    """Yield the imports of a statement."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.lineno, alias.name, alias.name, "")
    elif isinstance(node, ast.ImportFrom):
        source = "." * node.level + (node.module or "")
        module = imported_module(node, path)
        for alias in node.names:
            yield Import(alias.lineno, source, module, alias.name)


def imported_module(node: ast.ImportFrom, path: str) -> str:
    """Return the absolute name of the imported module, or an empty text if unknown."""
    if not node.level:
        return node.module or ""
    folders = path.split("/")[: -node.level]
    return ".".join([*folders, *([node.module] if node.module else [])]) if folders else ""
