"""A parsed Python file of the service: what its names refer to, and which function a node is in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import TypeVar

from cofee.files import lines_of
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
    bound: str  # the name in the file; `import a.b` has `a.b`, which is also what `a.b` refers to
    is_relative: bool


@dataclass(frozen=True)
class Code:
    """A file of the service. `path` is relative to its root."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def lines(self) -> list[str]:
        return lines_of(self.text)

    @cached_property
    def imports(self) -> list[Imported]:
        """All imports, those inside functions as well."""
        plain = (one for node in self.nodes(ast.Import) for one in self._imported(node))
        names = (one for node in self.nodes(ast.ImportFrom) for one in self._imported(node))
        return [*plain, *names]

    @cached_property
    def _names(self) -> dict[str, str]:
        return {one.bound: one.name for one in self.imports}

    def dotted(self, node: ast.AST) -> str:
        """Return the name that an expression refers to, with imports followed, or an empty text.

        `self._session.commit` stays as it is; calls and subscripts are replaced by their object.
        """
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
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

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[Imported]:
        is_relative = isinstance(node, ast.ImportFrom) and node.level > 0
        module = imported_module(node, self.path) if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            name = f"{module}.{alias.name}" if module else alias.name
            yield Imported(alias.lineno, name, alias.asname or alias.name, is_relative)


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
