"""Whether a planned result still parses and imports, looked at without running any of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from cofee.change import Plan
from cofee.errors import CofeeError
from cofee.files import read_file
from cofee.recording import Change

# A name bound at the top level of a file, as far as a look at the text can tell.
DEFINITION = re.compile(rb"^(?:(?:async )?def |class )?([A-Za-z_]\w*)(?: *[:=(\[]|:)", re.MULTILINE)
ANYTHING = "*"
CHANGE = "change that line first"
# A new file imports from where the template puts it, and only a person knows where that is by now.
PUT_BACK = "put back what it imports, run this again, and move that afterwards"
PACKAGES = ("app", "tests")  # what the project's own imports begin with

Read = Callable[[str], str | None]


def require_sound(root: Path, plan: Plan) -> None:
    """Refuse a plan that would break what parses and imports now.

    Only Python files without conflicts are looked at, and only for the project's own modules: what
    is installed cannot be known here.

    Raises:
        CofeeError: the first file that would break, and how.
    """
    conflicted = {conflict.path for conflict in plan.conflicts}
    planned = {change.path: change.after for change in plan.changes}

    def before(path: str) -> str | None:
        file = read_file(root / path)
        return file.content.decode("utf-8-sig", errors="replace") if file else None

    def after(path: str) -> str | None:
        file = planned.get(path)
        if path in planned:
            return file.content.decode("utf-8-sig", errors="replace") if file else None
        return before(path)

    known = {fault for change in plan.changes for fault in _faults(change.path, before)}

    for path in _affected(root, plan):
        if path in conflicted or after(path) is None:
            continue
        broken = next(iter(_faults(path, after)), None)
        if broken and broken not in known | set(_faults(path, before)):
            raise CofeeError(
                f"`{path}` would break: {broken}",
                hint=f"nothing was written; {CHANGE if before(path) is not None else PUT_BACK}",
            )


def _affected(root: Path, plan: Plan) -> Iterator[str]:
    """Yield the changed Python files, and those that import from a changed package."""
    changed = {change.path for change in plan.changes if change.path.endswith(".py")}
    yield from sorted(changed)
    if not any(_takes_away(change) for change in plan.changes):
        return
    packages = {path.rsplit("/", 1)[0].replace("/", ".") for path in changed if "/" in path}
    for package in PACKAGES:
        for place in (root / package).rglob("*.py"):
            path = place.relative_to(root).as_posix()
            if path not in changed and place.is_file():
                text = place.read_text(encoding="utf-8", errors="replace")
                if any(name in text for name in packages):
                    yield path


def _takes_away(change: Change) -> bool:
    """Tell whether a change removes a name that another file may import."""
    if change.before is None:
        return False
    kept = set(DEFINITION.findall(change.after.content)) if change.after else set()
    return not set(DEFINITION.findall(change.before.content)) <= kept


def _faults(path: str, read: Read) -> Iterator[str]:
    """Yield what is wrong with a file: its syntax, or a name that it imports in vain."""
    text = read(path)
    if text is None:
        return
    try:
        imports = _imports(text)
    except SyntaxError as error:
        yield f"line {error.lineno} is no valid Python ({error.msg})"
        return
    for node in imports:
        yield from _missing(node, read)


@cache
def _imports(text: str) -> tuple[ast.ImportFrom, ...]:
    """Return the absolute imports of names, but none inside `try`: it may fail, and is expected to.

    A file is looked at before and after, and most are the same.
    """
    nodes = list(ast.walk(ast.parse(text)))
    guarded = {
        id(inside) for node in nodes if isinstance(node, ast.Try) for inside in ast.walk(node)
    }
    return tuple(
        node
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        if id(node) not in guarded
    )


def _missing(node: ast.ImportFrom, read: Read) -> Iterator[str]:
    """Yield each name that a module of the project does not define."""
    module = node.module or ""
    if module.split(".")[0] not in PACKAGES:
        return
    folder = module.replace(".", "/")
    source = read(f"{folder}.py")
    if source is None:
        source = read(f"{folder}/__init__.py")
    for alias in node.names:
        if alias.name == "*" or (source is not None and alias.name in _plainly_defined(source)):
            continue
        if _is_module(f"{folder}/{alias.name}", read):
            continue
        if source is None:
            yield f"there is no module `{module}` to import `{alias.name}` from"
        elif not {alias.name, ANYTHING, "__getattr__"} & _defined(source):
            yield f"`{module}` does not define `{alias.name}`"


def _is_module(path: str, read: Read) -> bool:
    return read(f"{path}.py") is not None or read(f"{path}/__init__.py") is not None


@cache
def _plainly_defined(source: str) -> frozenset[str]:
    """Find definitions and assignments by a look at the text, which nearly every name has."""
    return frozenset(name.decode() for name in DEFINITION.findall(source.encode()))


@cache
def _defined(source: str) -> set[str]:
    """Return every name that a module binds anywhere; one in conflict may bind any."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return {ANYTHING}
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return found
