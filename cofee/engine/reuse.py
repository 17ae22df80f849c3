"""Whether a file would be rendered as it was before: both sides of a merge have most of them alike.

A rendered file depends on its source, on what that imports, and on the values that these name. All
of it is compared as text, so that nothing is taken for equal that is not: `1`, `1.0` and `true` are
equal to Python and are written differently.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


class Values:
    """The answers that many files share, each spelt out once."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers
        self._spelt = {name: repr(value) for name, value in answers.items()}

    def spelt(self, name: str, value: Any) -> str:
        """Spell out a value that a file sees under a name."""
        shared = name in self._answers and value is self._answers[name]
        return self._spelt[name] if shared else repr(value)


class Sources:
    """The files of one template as they are read, each with those that it imports."""

    def __init__(self, root: Path, environment: Environment) -> None:
        self._root = root
        self._environment = environment
        self._texts: dict[str, str] = {}
        self._known: dict[str, tuple[str, frozenset[str]] | None] = {}
        self._seen: dict[tuple[str, ...], list[str]] = {}

    def origin(self, name: str, scope: Mapping[str, Any], values: Values) -> tuple[str, ...] | None:
        """Return all that a file can depend on; nothing where that cannot be known."""
        if name not in self._known:
            self._known[name] = self._read(name)
        known = self._known[name]
        if known is None:
            return None
        digest, sources = known
        asked = (name, *scope)
        if asked not in self._seen:
            self._seen[asked] = sorted(key for key in scope if self._is_named(key, sources))
        return (digest, *(f"{key}={values.spelt(key, scope[key])}" for key in self._seen[asked]))

    def _is_named(self, key: str, sources: Collection[str]) -> bool:
        """Tell whether a value may be used, which no file can do without its name."""
        return any(key in self._texts[source] for source in sources)

    def _read(self, name: str) -> tuple[str, frozenset[str]] | None:
        """Return a digest of a file with all that it imports, and their names."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current in found:
                continue
            found.add(current)
            for imported in self._imports(self._text(current)):
                if imported is None:
                    return None
                waiting.append(imported)
        everything = "\0".join((self._settings, *(self._texts[key] for key in sorted(found))))
        return sha256(everything.encode()).hexdigest(), frozenset(found)

    def _text(self, name: str) -> str:
        if name not in self._texts:
            path = self._root / name
            self._texts[name] = path.read_text(encoding="utf-8") if path.is_file() else ""
        return self._texts[name]

    def _imports(self, text: str) -> Iterator[str | None]:
        """Yield each file that the text imports; nothing for one whose name is computed."""
        if self._environment.line_statement_prefix:
            yield None
        for quoted, literal in self._importing.findall(text):
            yield literal if quoted else None

    @cached_property
    def _importing(self) -> re.Pattern[str]:
        start = re.escape(self._environment.block_start_string)
        end = re.escape(self._environment.block_end_string)
        statement = rf"{start}[-+]?\s*(?:from|import|include|extends)\b"
        literal = r"""\s*(["'])([^"'\\]+)\1\s*"""
        ending = rf"(?=(?:import|as|ignore|with|without)\b|[-+]?{end})"
        return re.compile(f"{statement}(?:{literal}{ending})?")

    @cached_property
    def _settings(self) -> str:
        environment = self._environment
        names = [
            *("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "undefined"),
            *("block_start_string", "block_end_string", "newline_sequence", "autoescape"),
            *("variable_start_string", "variable_end_string", "line_comment_prefix"),
            *("comment_start_string", "comment_end_string"),
        ]
        return repr([(name, getattr(environment, name)) for name in names])
