"""Names that a Python file uses and does not define, by the symbol tables of Python's compiler."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from functools import cache

from cofee.source.imports import UNREADABLE

ALWAYS_DEFINED = {*dir(builtins), "__file__", "__path__", "__cached__", "__annotations__"}
# With it the compiler does not look up the names in annotations, but Pydantic and SQLAlchemy do.
LAZY_ANNOTATIONS = re.compile(r"^from __future__ import annotations\b", re.MULTILINE)


@cache
def undefined_names(text: str) -> dict[str, int]:
    """Return each undefined name and the line that uses it first.

    Nothing is known about a file with `from … import *`, or one that is not valid Python.
    """
    try:
        tree = ast.parse(text)
        table = symtable.symtable(LAZY_ANNOTATIONS.sub("pass", text), "", "exec")
    except UNREADABLE:
        return {}
    scopes = list(_scopes(table))
    symbols = [(scope, symbol) for scope in scopes for symbol in scope.get_symbols()]
    defined = {
        symbol.get_name()
        for scope, symbol in symbols
        if (scope is table or symbol.is_declared_global())
        and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace())
    }
    used = {
        symbol.get_name()
        for scope, symbol in symbols
        if symbol.is_referenced() and (scope is table or symbol.is_global())
    }
    unknown = used - defined - ALWAYS_DEFINED
    if not unknown or _imports_anything(tree):
        return {}
    return {
        node.id: node.lineno
        for node in sorted(_names(tree), key=lambda node: -node.lineno)
        if node.id in unknown
    }


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _imports_anything(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)
    )


def _names(tree: ast.Module) -> Iterator[ast.Name]:
    """Yield the names that are read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node
