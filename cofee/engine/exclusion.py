"""The test of `_exclude`: whether a path matches one of its patterns, as git and Copier match.

Nearly all patterns are a path or a name. Those are matched here: importing `pathspec` and compiling
a hundred patterns takes a tenth of the time of a command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from unicodedata import normalize

PATH = re.compile(r"/(?:[\w.-]+/)*[\w.-]+", re.ASCII)
NAME = r"(?!\*(?:/|\Z))(?:[\w.-]|\*(?!\*)|\[\w+\])+"  # not `*` alone, which has its own rules
SIMPLE = re.compile(rf"{NAME}|/(?:{NAME}/)*(?:{NAME}|\*\*)", re.ASCII)


def exclusion(lines: Iterable[str]) -> Callable[[str], bool]:
    """Return the test of a path against patterns, of which the last that matches decides."""
    patterns = [normalize("NFD", line) for line in lines if line.strip()]
    paths = {line[1:] for line in patterns if PATH.fullmatch(line)}
    others = [line for line in patterns if not PATH.fullmatch(line)]
    if not all(map(SIMPLE.fullmatch, others)):
        from pathspec import PathSpec

        return PathSpec.from_lines("gitignore", patterns).match_file
    matches = re.compile("|".join(map(_expression, others)) or "(?!)").match
    return lambda path: not paths.isdisjoint(_places(path)) or matches(path) is not None


def _places(path: str) -> Iterator[str]:
    """Yield a path and the directories that it is in."""
    yield path
    while path := path.rpartition("/")[0]:
        yield path


def _expression(pattern: str) -> str:
    """Return the regular expression of a simple pattern."""
    start = "" if pattern.startswith("/") else "(?:.*/)?"
    text = pattern.removeprefix("/").removesuffix("**")
    ending = "." if pattern.endswith("**") else r"(?:/|\Z)"
    return start + text.replace(".", r"\.").replace("*", "[^/]*") + ending
