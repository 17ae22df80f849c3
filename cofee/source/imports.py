"""The project's own Python files, and what each of them imports of the project."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

# What stands in a folder whose code is not this project's: a virtual environment, a submodule, or a
# project of its own.
FOREIGN = {"pyvenv.cfg", "conda-meta", ".git", ".copier-answers.yml"}
NO_SOURCES = {"__pycache__", "node_modules"}
PACKAGES = ("app", "dev", "tests")  # what the project's own imports begin with
BLOCKS = ("body", "orelse", "cases")  # where statements hold others

Key = tuple[str, str]  # what tells one import of a file from another, wherever the file stands


class Import(NamedTuple):
    """A module of the project that a line needs, and the name that it takes from there, if any."""

    line: int
    source: str  # the module as it is written, which for a relative import begins with dots
    module: str
    name: str

    @property
    def key(self) -> Key:
        return self.source, self.name


def python_files(root: Path) -> Iterator[str]:
    """Yield the paths of the project's own Python files, but for those in hidden folders."""
    for folder, below, files in os.walk(root):
        place = Path(folder).relative_to(root)
        if place.parts and not FOREIGN.isdisjoint([*below, *files]):
            below.clear()
            continue
        below[:] = [name for name in below if not name.startswith(".") and name not in NO_SOURCES]
        yield from ((place / name).as_posix() for name in files if name.endswith(".py"))


@cache
def imports_of(text: str, path: str) -> tuple[Import, ...]:
    """Return what a file imports of the project, but not inside `try`: that is expected to fail.

    A file is looked at before and after, and most are the same.
    """
    return tuple(
        one
        for node in _statements(ast.parse(text).body)
        for one in _named(node, path)
        if one.module.split(".")[0] in PACKAGES
    )


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements and those inside them; what can be imported stands in no expression."""
    for node in nodes:
        yield node
        if not isinstance(node, ast.Try | ast.TryStar):
            for block in BLOCKS:
                yield from _statements(getattr(node, block, ()))


def _named(node: ast.AST, path: str) -> Iterator[Import]:
    """Yield what one statement imports."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.lineno, alias.name, alias.name, "")
    elif isinstance(node, ast.ImportFrom):
        source = "." * node.level + (node.module or "")
        module = imported_module(node, path)
        for alias in node.names:
            yield Import(alias.lineno, source, module, alias.name)


def imported_module(node: ast.ImportFrom, path: str) -> str:
    """Return the absolute name of the module that is imported from; empty where unknown."""
    if not node.level:
        return node.module or ""
    folders = path.split("/")[: -node.level]
    return ".".join([*folders, *([node.module] if node.module else [])]) if folders else ""
