"""Old names in the lines that nobody generated: rewritten where they are unmistakable, else listed.

Unmistakable is an attribute of the module's entity or of its schemas, inside the module: on the
class itself, on `self` in one of those classes, on a name that is annotated with one of them or was
made by calling one, and a keyword of such a call. Renamed classes are unmistakable in the module's
own files and where they are imported from it; imports of a renamed package are so everywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cofee.evolve import Renaming


class Mention(NamedTuple):
    """A line that still holds an old name."""

    path: str
    line: int
    text: str


class _Spot(NamedTuple):
    """An old name in a file, by its place; columns count bytes, as `ast` counts them."""

    line: int
    column: int
    old: str
    new: str


@dataclass
class _Scope:
    """Which local names hold the entity or one of its schemas."""

    owners: frozenset[str]
    held: set[str] = field(default_factory=set)


def rewrite(text: str, renaming: Renaming, *, inside: bool) -> str:
    """Return a file with every unmistakable old name replaced.

    Args:
        inside: the file is one of the module's own.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    classes = renaming.classes if inside else _imported(tree, renaming)
    spots = {*_package_spots(tree, renaming), *_class_spots(tree, classes)}
    if inside:
        spots |= set(_attribute_spots(tree, renaming))
    lines = text.encode().split(b"\n")
    for spot in sorted(spots, reverse=True):
        line = lines[spot.line - 1]
        start = line.find(spot.old.encode(), spot.column)
        if start >= 0:
            end = start + len(spot.old.encode())
            lines[spot.line - 1] = line[:start] + spot.new.encode() + line[end:]
    return b"\n".join(lines).decode()


def mentions(files: Mapping[str, str], renaming: Renaming) -> list[Mention]:
    """Return every line of some files that still holds an old name."""
    old = [*renaming.attributes, *renaming.classes, *renaming.packages]
    words = re.compile(r"\b(" + "|".join(map(re.escape, old)) + r")\b")
    return [
        Mention(path, number, line.strip())
        for path, text in sorted(files.items())
        for number, line in enumerate(text.splitlines(), start=1)
        if words.search(line)
    ]


def _attribute_spots(tree: ast.Module, renaming: Renaming) -> Iterator[_Spot]:
    """Yield the attributes and keywords that belong to the entity or its schemas."""
    if not renaming.attributes:
        return
    for node, scope in _scoped(tree, _Scope(renaming.owners)):
        if isinstance(node, ast.Attribute) and node.attr in renaming.attributes:
            if isinstance(node.value, ast.Name) and _holds(node.value.id, scope):
                column = (node.value.end_col_offset or 0) + 1
                line = node.value.end_lineno or node.lineno
                yield _Spot(line, column, node.attr, renaming.attributes[node.attr])
        elif isinstance(node, ast.Call) and _class_name(node.func) in renaming.owners:
            for keyword in node.keywords:
                if keyword.arg and (new := renaming.attributes.get(keyword.arg)):
                    yield _Spot(keyword.lineno, keyword.col_offset, keyword.arg, new)


def _scoped(node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    """Walk a tree with the names that each place knows to hold an owner."""
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.ClassDef):
            inner = _Scope(scope.owners, {"self", "cls"} if child.name in scope.owners else set())
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = _Scope(scope.owners, scope.held | _held_by_arguments(child, scope.owners))
        elif isinstance(child, ast.AnnAssign | ast.Assign):
            scope.held |= _held_by_assignment(child, scope.owners)
        yield child, inner
        yield from _scoped(child, inner)


def _held_by_arguments(
    function: ast.FunctionDef | ast.AsyncFunctionDef, owners: frozenset[str]
) -> set[str]:
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return {
        argument.arg
        for argument in arguments
        if argument.annotation and _class_name(argument.annotation) in owners
    }


def _held_by_assignment(node: ast.AnnAssign | ast.Assign, owners: frozenset[str]) -> set[str]:
    if isinstance(node, ast.AnnAssign):
        made_by: ast.expr = node.annotation
    elif isinstance(node.value, ast.Call):
        made_by = node.value.func
    else:
        return set()
    if _class_name(made_by) not in owners:
        return set()
    targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _class_name(node: ast.expr) -> str:
    """Return the class that an annotation or a call names; `X | None` names `X`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left, right = _class_name(node.left), _class_name(node.right)
        return left if right == "None" else right if left == "None" else ""
    if isinstance(node, ast.Constant):
        return str(node.value).strip()
    return node.id if isinstance(node, ast.Name) else ""


def _holds(name: str, scope: _Scope) -> bool:
    return name in scope.held or name in scope.owners


def _imported(tree: ast.Module, renaming: Renaming) -> dict[str, str]:
    """Return the renamed classes that a file outside the module imports from it."""
    return {
        alias.name: renaming.classes[alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and _renamed_package(node.module, renaming)
        for alias in node.names
        if alias.name in renaming.classes
    }


def _class_spots(tree: ast.Module, classes: Mapping[str, str]) -> Iterator[_Spot]:
    """Yield the uses and imports of renamed classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in classes:
            yield _Spot(node.lineno, node.col_offset, node.id, classes[node.id])
        elif isinstance(node, ast.alias) and node.name in classes:
            yield _Spot(node.lineno, node.col_offset, node.name, classes[node.name])


def _package_spots(tree: ast.Module, renaming: Renaming) -> Iterator[_Spot]:
    """Yield the imports of renamed packages, which are unmistakable anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.alias):
            module = node.module if isinstance(node, ast.ImportFrom) else node.name
            if renamed := _renamed_package(module, renaming):
                yield _Spot(node.lineno, node.col_offset, *renamed)


def _renamed_package(module: str | None, renaming: Renaming) -> tuple[str, str] | None:
    """Return the old and new name of the package that a module is in, if it was renamed."""
    for old, new in renaming.packages.items():
        if module and (module == old or module.startswith(f"{old}.")):
            return old, new
    return None
