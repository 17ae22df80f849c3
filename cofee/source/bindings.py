"""Which names of a file hold an object of some classes, place by place.

A name holds one where every binding in its scope says so: an annotation, or a call of the class.
Whatever else binds the name in an inner scope hides the outer one, and a name that is bound to
something else as well holds nothing for sure.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Inner = Function | Comprehension | ast.ClassDef
# How a name can be bound: to an object of a class, which is looked up, or to something else.
Binding = tuple[str, ast.expr | None]


@dataclass(frozen=True)
class Known:
    """The classes that a place knows by name, and the names that hold an object of theirs."""

    classes: frozenset[str]
    held: frozenset[str] = frozenset()

    def holds(self, name: str) -> bool:
        return name in self.held or name in self.classes


@dataclass(frozen=True)
class _Place:
    """What a place sees, what functions in it see, and whether it is one of the classes itself."""

    sees: Known
    below: Known
    owner: bool = False


def walk(
    tree: ast.Module, owners: frozenset[str], is_own: Callable[[ast.ImportFrom], bool]
) -> Iterator[tuple[ast.AST, Known]]:
    """Yield each node with what its place knows.

    Args:
        owners: the classes in question.
        is_own: tells an import of the classes in question from that of a namesake.
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
    """Return what the inside of a class, function or comprehension sees."""
    if isinstance(node, ast.ClassDef):
        sees = _inside(node, place.below, is_own, first=None)
        return _Place(sees, place.below, owner=node.name in place.sees.classes)
    outer = place.sees if isinstance(node, Comprehension) else place.below
    sees = _inside(node, outer, is_own, first=_first(node) if place.owner else None)
    return _Place(sees, sees)


def _inside(
    node: ast.AST, outer: Known, is_own: Callable[[ast.ImportFrom], bool], first: str | None
) -> Known:
    """Return what a scope knows, its own bindings counted before those around it."""
    bindings = list(_bindings(node, outer.classes, is_own))
    bound = {name for name, _ in bindings}
    sees = replace(outer, classes=outer.classes - bound)
    other = {name for name, made_by in bindings if not _makes(made_by, sees, name == first)}
    return replace(sees, held=(outer.held - bound) | (bound - other))


def _makes(made_by: ast.expr | None, known: Known, is_first: bool) -> bool:
    return is_first if made_by is None else class_name(made_by) in known.classes


def _first(node: Function | Comprehension) -> str | None:
    """Return what a method calls its object or its class."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    decorators = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
    arguments = [*node.args.posonlyargs, *node.args.args]
    return None if "staticmethod" in decorators or not arguments else arguments[0].arg


def _bindings(
    scope: ast.AST, owners: frozenset[str], is_own: Callable[[ast.ImportFrom], bool]
) -> Iterator[Binding]:
    """Yield the names that a scope binds; a class in question under its own name is none."""
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
    """Return what makes the targets of an assignment, where that is a class for sure."""
    if isinstance(node, ast.AnnAssign):
        return {node.target: node.annotation}
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        return dict.fromkeys(node.targets, node.value.func)
    return {}


def _named(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds by itself: definitions, handlers and patterns."""
    for key in ("name", "rest"):
        if not isinstance(node, ast.alias) and isinstance(name := getattr(node, key, None), str):
            yield name


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope and the inner scopes themselves, but not what is in those."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if isinstance(child, Comprehension):
            yield from (one.target for one in ast.walk(child) if isinstance(one, ast.NamedExpr))
        elif not isinstance(child, Inner):
            yield from _own(child)
