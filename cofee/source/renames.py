"""Updates references in hand-written code after a rename. Ambiguous references are listed.

Unambiguous are, inside the module, the attributes of its entity and schemas: on the class, on
`self` in these classes, on a name bound to an instance, and as a keyword of a call of the class.
Renamed classes are unambiguous in the module's files and where they are imported from it. Imports
of a renamed package are always unambiguous.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cofee.changes.step import Renaming
from cofee.source import bindings
from cofee.source.imports import imported_module

NEWLINE = re.compile(r"\r\n|\r|\n")


class Mention(NamedTuple):
    """A line that still contains an old name."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class _Spot(NamedTuple):
    """The position of an old name in a file; columns count bytes, as in `ast`."""

    line: int
    column: int
    old: str
    new: str


def rewrite(text: str, renaming: Renaming, *, inside: bool, path: str = "") -> str:
    """Return a file with every unambiguous old name replaced.

    Args:
        inside: the file belongs to the module.
        path: of the file; without it, relative imports are not changed.
    """
    if "\r" in text.replace("\r\n", ""):
        return text  # Python's line numbers count these carriage returns
    try:
        source = text.encode()
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return text
    lines = source.split(b"\n")
    imports = _imports(tree, path)
    spots = {*_package_spots(tree, renaming, path, lines), *_dotted_spots(tree, renaming, imports)}
    spots |= set(_class_spots(tree, _classes(tree, renaming, path, inside), renaming, path))
    if inside:
        spots |= set(_attribute_spots(tree, renaming, path))
    for spot in sorted(spots, reverse=True):
        _replace(lines, spot)
    return b"\n".join(lines).decode()


def mentions(files: Mapping[str, str], renaming: Renaming) -> list[Mention]:
    """Return every line of the files that still contains an old name."""
    old = [*renaming.attributes, *renaming.classes, *renaming.packages]
    patterns = [rf"\b(?:{'|'.join(map(re.escape, old))})\b"]
    for package in renaming.packages:
        parent, _, last = package.rpartition(".")
        patterns += [rf"^\s*from\s+\.+(?:\w+\.)*{last}\b"]
        patterns += [rf"^\s*from\s+(?:\.+\w*|{re.escape(parent)})\s+import\s(?:.*,)?[(\s]*{last}\b"]
    if renaming.url:
        patterns += [rf"{re.escape(renaming.url)}(?![\w-])"]
    words = re.compile("|".join(patterns))
    return [one for path, text in sorted(files.items()) for one in lines_with(words, path, text)]


def lines_with(pattern: re.Pattern[str], path: str, text: str) -> Iterator[Mention]:
    """Yield the lines of a file that match a pattern."""
    for number, line in enumerate(NEWLINE.split(text), start=1):
        if pattern.search(line):
            yield Mention(path, number, line.strip().encode(errors="replace").decode())


def _replace(lines: list[bytes], spot: _Spot) -> None:
    """Replace an old name at a position, if the text has it there."""
    line, old = lines[spot.line - 1], spot.old.encode()
    if line.startswith(old, spot.column):
        end = spot.column + len(old)
        lines[spot.line - 1] = line[: spot.column] + spot.new.encode() + line[end:]


def _attribute_spots(tree: ast.Module, renaming: Renaming, path: str) -> Iterator[_Spot]:
    """Yield the attributes and keywords of the entity and its schemas."""

    def is_own(node: ast.ImportFrom) -> bool:
        return f".{renaming.module}." in f".{imported_module(node, path)}." or node.level == 1

    for node, known in bindings.walk(tree, renaming.owners, is_own):
        if isinstance(node, ast.Attribute) and node.attr in renaming.attributes:
            if isinstance(node.value, ast.Name) and known.holds(node.value.id):
                yield _end_spot(node, renaming.attributes[node.attr])
        elif isinstance(node, ast.Call) and bindings.class_name(node.func) in known.classes:
            for keyword in node.keywords:
                if keyword.arg and (new := renaming.attributes.get(keyword.arg)):
                    yield _Spot(keyword.lineno, keyword.col_offset, keyword.arg, new)


def _end_spot(node: ast.Attribute, new: str) -> _Spot:
    """Return the position of an attribute's name, at the end of the attribute."""
    line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
    return _Spot(line, end - len(node.attr.encode()), node.attr, new)


def _classes(tree: ast.Module, renaming: Renaming, path: str, inside: bool) -> Mapping[str, str]:
    """Return the renamed classes that are known by name in a file."""
    from_module: set[str] = set()
    elsewhere: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            own = _in_module(imported_module(node, path), renaming) or (inside and node.level == 1)
            names = {alias.name for alias in node.names if alias.asname is None}
            (from_module if own else elsewhere).update(names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            elsewhere.add(node.id)
        elif isinstance(node, ast.arg):
            elsewhere.add(node.arg)
    known = renaming.classes.keys() if inside else renaming.classes.keys() & from_module
    return {name: renaming.classes[name] for name in known - elsewhere}


def _class_spots(
    tree: ast.Module, classes: Mapping[str, str], renaming: Renaming, path: str
) -> Iterator[_Spot]:
    """Yield the uses and imports of renamed classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in classes:
            yield _Spot(node.lineno, node.col_offset, node.id, classes[node.id])
        elif isinstance(node, ast.ImportFrom):
            own = _in_module(imported_module(node, path), renaming)
            for alias in node.names:
                known = renaming.classes if own and alias.asname else classes
                if alias.name in known:
                    yield _Spot(alias.lineno, alias.col_offset, alias.name, known[alias.name])


def _package_spots(
    tree: ast.Module, renaming: Renaming, path: str, lines: list[bytes]
) -> Iterator[_Spot]:
    """Yield the imports of renamed packages, which are always unambiguous."""
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and (renamed := _renamed(node.name, renaming)):
            yield _Spot(node.lineno, node.col_offset, *renamed)
        elif isinstance(node, ast.ImportFrom):
            yield from _from_spots(node, renaming, path, lines[node.lineno - 1])


def _from_spots(
    node: ast.ImportFrom, renaming: Renaming, path: str, line: bytes
) -> Iterator[_Spot]:
    """Yield the positions of a renamed package in `from … import …`."""
    module = imported_module(node, path)
    start = re.compile(rb"from[\s.]*").match(line, node.col_offset)
    if start and node.module and (renamed := _renamed(module, renaming)):
        cut = len(module) - len(node.module)  # the package that the dots of a relative import mean
        if all(name[:cut] == module[:cut] for name in renamed):
            yield _Spot(node.lineno, start.end(), renamed[0][cut:], renamed[1][cut:])
    for alias in node.names:
        if pair := next(
            (one for one in renaming.packages.items() if _is(alias, module, one[0])), None
        ):
            new = pair[1].rpartition(".")[2]
            kept = new if alias.asname else f"{new} as {alias.name}"
            yield _Spot(alias.lineno, alias.col_offset, alias.name, kept)


def _is(alias: ast.alias, module: str, package: str) -> bool:
    return f"{module}.{alias.name}" == package


def _imports(tree: ast.Module, path: str) -> dict[str, str]:
    """Return the dotted name of the module or class of each imported name."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = imported_module(node, path)
            found |= {one.asname or one.name: f"{module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.split(".")[0]
                found |= {one.asname: one.name} if one.asname else {first: first}
    return found


def _dotted_spots(
    tree: ast.Module, renaming: Renaming, imports: Mapping[str, str]
) -> Iterator[_Spot]:
    """Yield the attributes of imported packages that refer to a renamed package or class."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = _dotted(node.value, imports)
        if (new := renaming.packages.get(f"{owner}.{node.attr}")) is not None:
            yield _end_spot(node, new.rpartition(".")[2])
        elif node.attr in renaming.classes and _in_module(owner, renaming):
            yield _end_spot(node, renaming.classes[node.attr])


def _dotted(node: ast.expr, imports: Mapping[str, str]) -> str:
    """Return the dotted name of an expression of imported names."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, imports)}.{node.attr}"
    return imports.get(node.id, "") if isinstance(node, ast.Name) else ""


def _in_module(name: str, renaming: Renaming) -> bool:
    """Return whether a dotted name is in the module, by its old or new name."""
    packages = (*renaming.packages, *renaming.packages.values(), *renaming.places)
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def _renamed(name: str, renaming: Renaming) -> tuple[str, str] | None:
    """Return the old and new name of the package that a module is in, if it was renamed."""
    for old, new in renaming.packages.items():
        if name == old or name.startswith(f"{old}."):
            return old, new
    return None
