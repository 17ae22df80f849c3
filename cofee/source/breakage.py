"""Static check that a planned change leaves no new faults in the user's Python.

Faults are syntax errors, unresolved imports and undefined names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cofee.errors import CofeeError
from cofee.files import File, read_file
from cofee.source.imports import UNREADABLE, Import, Key, imports_of, python_files
from cofee.source.undefined_names import undefined_names

# A name bound at the top level of a file, found by a regular expression.
DEFINITION = re.compile(rb"^(?:(?:async )?def |class )?([A-Za-z_]\w*)(?: *[:=(\[]|:)", re.MULTILINE)
ANYTHING = "*"
UNDEFINED = "undefined"  # in the key of a fault
CHANGE = "change that line first"
# A new line imports a module from the template's path, and only the user knows where it is now.
PUT_BACK = "restore what it imports, run again, and move it afterwards"
DEFINE = "restore its import or its definition first"

Read = Callable[[str], str | None]
Planned = Mapping[str, File | None]  # changed paths and their new contents; None for a removed file


class Fault(NamedTuple):
    """A line that does not parse, an unresolved import or an undefined name."""

    line: int
    reason: str
    key: Key


class Broken(NamedTuple):
    """A line that works now and would not work after a change."""

    path: str
    line: int
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def require_sound(
    root: Path, planned: Planned, skip: Collection[str], packages: tuple[str, ...]
) -> None:
    """Reject a change that would break working code.

    Raises:
        CofeeError: the first broken place and the reason.
    """
    for place in broken(root, planned, skip, packages):
        raise CofeeError(
            f"`{place.path}` would break: {place.reason}",
            hint=f"nothing was written; {place.hint}",
        )


def broken(
    root: Path, planned: Planned, skip: Collection[str], packages: tuple[str, ...]
) -> list[Broken]:
    """Return the places in the user's Python files that a change would break.

    Imports of installed packages are not checked, because these are unknown here.

    Args:
        skip: paths that are not checked, because they contain conflicts.
        packages: what imports of the project's own code begin with.
    """

    @cache
    def before(path: str) -> str | None:
        return _text(read_file(root / path))

    @cache
    def after(path: str) -> str | None:
        return _text(planned[path]) if path in planned else before(path)

    paths = [path for path in _affected(root, planned) if path not in skip]
    gone = [path for path, file in planned.items() if file is None and path.endswith(".py")]

    def places(path: str) -> Iterator[Broken]:
        # A new file may be a moved one, with its faults.
        earlier = [path] if before(path) is not None else gone
        is_moved = any(Path(one).name == Path(path).name for one in earlier)
        found = list(faults(path, after, packages, has_edits=is_moved))
        known = {fault.key for one in earlier for fault in faults(one, before, packages)}
        texts = [before(one) or "" for one in earlier]
        imported = {key for one in earlier for key in _keys(one, before, packages)}
        for fault in found:
            if fault.key not in known:
                hint = _hint(fault, imported, texts)
                yield Broken(path, fault.line, fault.reason, hint)

    return [place for path in paths for place in places(path)]


def faults(
    path: str, read: Read, packages: tuple[str, ...], *, has_edits: bool = True
) -> Iterator[Fault]:
    """Yield the syntax error, or the unresolved imports and undefined names, of a file.

    Args:
        has_edits: the file can have lines of the user, and not only of the template.
    """
    text = read(path)
    if text is None:
        return
    try:
        imports = imports_of(text, path, packages)
    except SyntaxError as error:
        line = error.lineno or 1
        yield Fault(line, f"line {line} is not valid Python ({error.msg})", ("", error.msg))
        return
    except (ValueError, RecursionError) as error:
        yield Fault(1, f"it is not valid Python ({error})", ("", str(error)))
        return
    for one in imports:
        if reason := _missing(one, read):
            yield Fault(one.line, reason, one.key)
    for name, line in undefined_names(text).items() if has_edits else ():
        yield Fault(line, f"`{name}` is not defined", (UNDEFINED, name))


def _text(file: File | None) -> str | None:
    return file.content.decode("utf-8-sig", errors="replace") if file else None


def _hint(fault: Fault, imported: Collection[Key], texts: Iterable[str]) -> str:
    """Return how to avoid a fault: a line of the user changes, or gets back what it needs."""
    kind, name = fault.key
    if kind == UNDEFINED:
        word = re.compile(rf"\b{name}\b")
        return CHANGE if any(word.search(text) for text in texts) else DEFINE
    is_import = kind != ""
    return PUT_BACK if is_import and fault.key not in imported else CHANGE


def _keys(path: str, read: Read, packages: tuple[str, ...]) -> set[Key]:
    """Return the imports of a file."""
    try:
        return {one.key for one in imports_of(read(path) or "", path, packages)}
    except UNREADABLE:
        return set()


def _affected(root: Path, planned: Planned) -> Iterator[str]:
    """Yield the changed Python files, and those that may import what a change removes."""
    changed = {path: file for path, file in planned.items() if path.endswith(".py")}
    yield from sorted(changed)
    losses = [
        loss
        for path, after in changed.items()
        if (loss := _loss(path, read_file(root / path), after))
    ]
    if not losses:
        return
    for path in sorted(python_files(root)):
        file = read_file(root / path) if path not in changed else None
        if file and any(loss.may_concern(path, file.content) for loss in losses):
            yield path


class _Loss(NamedTuple):
    """The names that a changed file removes, and how to find files that import them by text.

    A file that imports a name contains the name and its package, unless it is in the package.
    """

    folder: str
    package: bytes
    names: set[bytes]

    def may_concern(self, path: str, content: bytes) -> bool:
        """Return whether a file may import a removed name."""
        knows_package = path.startswith(self.folder) or self.package in content
        return knows_package and any(name in content for name in self.names)


def _loss(path: str, before: File | None, after: File | None) -> _Loss | None:
    """Return the importable names that the change of a file removes."""
    place = PurePosixPath(path)
    if before is None or not place.stem.isidentifier():
        return None
    names = set(DEFINITION.findall(before.content))
    if after is not None:
        names -= set(DEFINITION.findall(after.content))
    else:
        is_package = place.stem == "__init__"
        names.add((place.parent.name if is_package else place.stem).encode())
    folder = place.parent.as_posix()
    return _Loss(f"{folder}/", place.parent.name.encode(), names) if names else None


def _missing(one: Import, read: Read) -> str | None:
    """Return why an import cannot be resolved, if so."""
    place = one.module.replace(".", "/")
    source = read(f"{place}.py")
    if source is None:
        source = read(f"{place}/__init__.py")
    if not one.name:
        return f"there is no module `{one.source}` to import" if source is None else None
    if source is not None and (one.name == ANYTHING or one.name in _plainly_defined(source)):
        return None
    if _is_module(f"{place}/{one.name}", read):
        return None
    if source is None:
        return f"there is no module `{one.source}` to import `{one.name}` from"
    if {one.name, ANYTHING, "__getattr__"} & _defined(source):
        return None
    return f"`{one.source}` does not define `{one.name}`"


def _is_module(place: str, read: Read) -> bool:
    return read(f"{place}.py") is not None or read(f"{place}/__init__.py") is not None


@cache
def _plainly_defined(source: str) -> frozenset[str]:
    """Return the names in definitions and assignments, found by a regular expression."""
    return frozenset(name.decode() for name in DEFINITION.findall(source.encode()))


@cache
def _defined(source: str) -> set[str]:
    """Return every name that a module binds, or `ANYTHING` if it does not parse."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except UNREADABLE:
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
