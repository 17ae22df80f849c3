"""A parsed Python file of the service: what its names refer to, and which function a node is in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import TypeVar

from cofee.source.imports import imported_module

Function = ast.FunctionDef | ast.AsyncFunctionDef
Inner = Function | ast.Lambda
Node = TypeVar("Node", bound=ast.AST)
ANNOTATIONS = re.compile(r"[\w.]+")  # the names in an annotation that is a text


@dataclass(frozen=True)
class Imported:
    """A name that an import binds, with the module or object that it refers to."""

    line: int
    name: str  # the dotted name: `sqlalchemy.ext.asyncio.AsyncSession`
    is_relative: bool
    is_for_types: bool  # below `if TYPE_CHECKING:`


@dataclass(frozen=True)
class Code:
    """A file of the service. `path` is relative to its root."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def imported(self) -> dict[str, Imported]:
        """What imports bind anywhere in the file, by the bound name."""
        return dict(self._bound())

    @cached_property
    def imports(self) -> list[Imported]:
        """All imports of the file, in its order."""
        return sorted(self.imported.values(), key=lambda one: one.line)

    def dotted(self, node: ast.AST) -> str:
        """Return the name that an expression refers to, with imports followed, or an empty text.

        `self._session.commit` stays as it is; calls and subscripts are replaced by their object.
        """
        if isinstance(node, ast.Name):
            found = self.imported.get(node.id)
            return found.name if found else node.id
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else f"?.{node.attr}"
        if isinstance(node, ast.Call):
            return self.dotted(node.func)
        return self.dotted(node.value) if isinstance(node, ast.Subscript) else ""

    def mentioned(self, annotation: ast.AST) -> Iterator[str]:
        """Yield the dotted names in an annotation, in those that are texts as well."""
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name | ast.Attribute):
                yield self.dotted(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                for name in ANNOTATIONS.findall(node.value):
                    yield self.dotted(ast.parse(name, mode="eval").body) if is_name(name) else name

    @cached_property
    def functions(self) -> dict[ast.AST, Inner | None]:
        """The innermost function around each node; None at the top of the file."""
        return dict(_within(self.tree, None))

    @cached_property
    def _by_kind(self) -> dict[type[ast.AST], list[ast.AST]]:
        found: dict[type[ast.AST], list[ast.AST]] = {}
        for node in ast.walk(self.tree):
            found.setdefault(type(node), []).append(node)
        return found

    def nodes(self, kind: type[Node]) -> Iterator[Node]:
        """Yield the nodes of a kind."""
        return (node for node in self._by_kind.get(kind, ()) if isinstance(node, kind))

    def definitions(self) -> Iterator[Function]:
        """Yield the functions and methods, but no lambdas."""
        yield from self.nodes(ast.FunctionDef)
        yield from self.nodes(ast.AsyncFunctionDef)

    def _bound(self) -> Iterator[tuple[str, Imported]]:
        for_types = {
            below
            for node in self.nodes(ast.If)
            if ast.unparse(node.test).endswith("TYPE_CHECKING")
            for below in ast.walk(node)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from self._named(node, node in for_types)

    def _named(
        self, node: ast.Import | ast.ImportFrom, is_for_types: bool
    ) -> Iterator[tuple[str, Imported]]:
        relative = isinstance(node, ast.ImportFrom) and node.level > 0
        module = imported_module(node, self.path) if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            name = f"{module}.{alias.name}" if module else alias.name
            bound = alias.asname or alias.name
            if isinstance(node, ast.Import) and not alias.asname:
                bound = name = alias.name.split(".")[0]
                yield alias.name, Imported(alias.lineno, alias.name, relative, is_for_types)
            yield bound, Imported(alias.lineno, name, relative, is_for_types)


def is_name(text: str) -> bool:
    """Return whether a text is a dotted name."""
    return all(part.isidentifier() for part in text.split("."))


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a dotted name matches one of the patterns; `*` also matches dots."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def matches_path(path: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a path matches one of the patterns: `*` in a folder, `**` in all below."""
    return any(_path_pattern(pattern).fullmatch(path) for pattern in patterns)


@cache
def _path_pattern(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/?|\*)", pattern)
    wild = {"**/": "(?:.+/)?", "**": ".+", "*": "[^/]+"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts))


def _within(node: ast.AST, function: Inner | None) -> Iterator[tuple[ast.AST, Inner | None]]:
    for child in ast.iter_child_nodes(node):
        yield child, function
        yield from _within(child, child if isinstance(child, Inner) else function)
