"""Scope analysis: which names are bound to instances of the given classes.

A name is bound to an instance if every binding in its scope is an annotation with the class or a
call of it. A binding in an inner scope hides the outer one. A name that is also bound to something
else does not count.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Inner = Function | Comprehension | ast.ClassDef
# How a name can be bound: to an instance of a class, which is looked up, or to something else.
Binding = tuple[str, ast.expr | None]


@dataclass(frozen=True)
class Known:
    """The classes known at a node by name, and the names that are bound to their instances."""

    classes: frozenset[str]
    held: frozenset[str] = frozenset()

    def holds(self, name: str) -> bool:
        return name in self.held or name in self.classes


@dataclass(frozen=True)
class _Place:
    """The names visible in a scope and in its functions, and whether it is one of the classes."""

    sees: Known
    below: Known
    owner: bool = False


def walk(
    tree: ast.Module, owners: frozenset[str], is_own: Callable[[ast.ImportFrom], bool]
) -> Iterator[tuple[ast.AST, Known]]:
    """Yield each node with the names known there.

    Args:
        owners: the classes to track.
        is_own: returns whether an import is of these classes, not of others of the same name.
    """
    sees = _inside(tree, Known(owners), is_own, first=None)
    yield from _walk(tree, _Place(sees, sees), is_own)


def class_name(node: ast.expr) -> str:
    """Return the class that an annotation or a call names; `X | None` names `X`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left, right = class_name(node.left), class_name(node.right)
        return left if right == "None" else right if left == "None" else ""
    if isinstance(node, ast.Constant):
        return str(node.value).strip()
    return node.id if isinstance(node, ast.Name) else ""


def _walk(
    node: ast.AST, place: _Place, is_own: Callable[[ast.ImportFrom], bool]
) -> Iterator[tuple[ast.AST, Known]]:
    for child in ast.iter_child_nodes(node):
        inner = _enter(child, place, is_own) if isinstance(child, Inner) else place
        yield child, inner.sees
        yield from _walk(child, inner, is_own)


def _enter(node: Inner, place: _Place, is_own: Callable[[ast.ImportFrom], bool]) -> _Place:
    """Return the names visible inside a class, function or comprehension."""
    if isinstance(node, ast.ClassDef):
        sees = _inside(node, place.below, is_own, first=None)
        return _Place(sees, place.below, owner=node.name in place.sees.classes)
    outer = place.sees if isinstance(node, Comprehension) else place.below
    sees = _inside(node, outer, is_own, first=_first(node) if place.owner else None)
    return _Place(sees, sees)


def _inside(
    node: ast.AST, outer: Known, is_own: Callable[[ast.ImportFrom], bool], first: str | None
) -> Known:
    """Return the names known in a scope; its own bindings hide outer ones."""
    bindings = list(_bindings(node, outer.classes, is_own))
    bound = {name for name, _ in bindings}
    sees = replace(outer, classes=outer.classes - bound)
    other = {name for name, made_by in bindings if not _makes(made_by, sees, name == first)}
    return replace(sees, held=(outer.held - bound) | (bound - other))


def _makes(made_by: ast.expr | None, known: Known, is_first: bool) -> bool:
    return is_first if made_by is None else class_name(made_by) in known.classes


def _first(node: Function | Comprehension) -> str | None:
    """Return the name of the first parameter of a method: `self` or `cls`."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    decorators = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
    arguments = [*node.args.posonlyargs, *node.args.args]
    return None if "staticmethod" in decorators or not arguments else arguments[0].arg


def _bindings(
    scope: ast.AST, owners: frozenset[str], is_own: Callable[[ast.ImportFrom], bool]
) -> Iterator[Binding]:
    """Yield the names that a scope binds, except tracked classes under their own name."""
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        yield from _arguments(scope.args)
    made: dict[ast.expr, ast.expr] = {}
    for node in _own(scope):
        made |= _made(node)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, made.get(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            own = isinstance(node, ast.ImportFrom) and is_own(node)
            names = {alias.asname or alias.name.split(".")[0] for alias in node.names}
            yield from ((name, None) for name in names if not (own and name in owners))
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from ((name, None) for name in node.names)
        elif not (isinstance(node, ast.ClassDef) and node.name in owners):
            yield from ((name, None) for name in _named(node))


def _arguments(arguments: ast.arguments) -> Iterator[Binding]:
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield one.arg, one.annotation
    for rest in (arguments.vararg, arguments.kwarg):
        if rest is not None:
            yield rest.arg, ast.Constant(value="")


def _made(node: ast.AST) -> dict[ast.expr, ast.expr]:
    """Return the class whose call or annotation binds the targets of an assignment, if any."""
    if isinstance(node, ast.AnnAssign):
        return {node.target: node.annotation}
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        return dict.fromkeys(node.targets, node.value.func)
    return {}


def _named(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself binds: definitions, handlers and patterns."""
    for key in ("name", "rest"):
        if not isinstance(node, ast.alias) and isinstance(name := getattr(node, key, None), str):
            yield name


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope and the inner scopes themselves, but not their contents."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if isinstance(child, Comprehension):
            yield from (one.target for one in ast.walk(child) if isinstance(one, ast.NamedExpr))
        elif not isinstance(child, Inner):
            yield from _own(child)
