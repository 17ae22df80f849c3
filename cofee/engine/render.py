"""Renders a template and its answers to a tree of files, byte for byte as Copier does.

Importing Copier takes a second, and it renders into a directory.
Here the same templates are rendered into memory, so that two sides can be compared at once. A test
compares this with Copier for every example and option.

Most files are identical on both sides of a merge, so each is rendered once: a rendered file depends
on its source, on what that imports, and on the values that these name. All of it is compared as
text, because `1`, `1.0` and `true` are equal to Python and are rendered differently.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from jinja2 import StrictUndefined, TemplateError

from cofee.engine import questionnaire
from cofee.engine.exclusion import exclusion
from cofee.engine.sandbox import Bytecode, Sandbox, settings_of
from cofee.errors import CofeeError
from cofee.files import EXECUTABLE, REGULAR, File
from cofee.template.parsed import parsed_yaml
from cofee.template.template import Template

if TYPE_CHECKING:
    from cofee.engine.questionnaire import Answers

Scope = Mapping[str, object]  # what a file's expressions can name
Operation = Literal["copy", "update"]
MODULE = "module"  # the name of the module in its own files
WORD = re.compile(r"\w+")
YIELD = re.compile(r"{%-?\s*yield\s+(\w+)\s+from\s+(.+?)\s*-?%}(.*){%-?\s*endyield\s*-?%}")


@cache
def _parsed(text: str) -> Any:
    """Read a YAML text once: several macros start with the same table."""
    return parsed_yaml(text.encode(), path="a template")


class Renderer:
    """Renders one template for several answers.

    Rendered files are kept, and used again if all that they depend on is the same: for the answers
    before and after a change, and for the old and the new commit.
    """

    def __init__(self, template: Template, like: Renderer | None = None) -> None:
        self.template = template
        self.suffix: str = template.setting("templates_suffix", ".jinja")
        self.subdirectory: str = template.setting("subdirectory", "")
        self._expressions: dict[str, Callable[..., Any]] = {}
        self._copied: dict[str, File] = {}
        self._made: dict[tuple[str, ...], bytes] = like._made if like else {}

    @cached_property
    def environment(self) -> Sandbox:
        """Jinja as Copier sets it up, with compiled templates cached next to the checkouts."""
        options = {"keep_trailing_newline": True, **self.template.setting("envops", {})}
        if options.get("undefined") == "jinja2.StrictUndefined":
            options["undefined"] = StrictUndefined
        bytecode = self.template.bytecode
        bytecode.mkdir(parents=True, exist_ok=True)
        environment = Sandbox(
            self.template.root,
            bytecode_cache=Bytecode(str(bytecode)),
            extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
            auto_reload=False,
            **options,
        )
        environment.filters["from_yaml"] = lambda text: deepcopy(_parsed(text))
        return environment

    def settle(
        self,
        given: Mapping[str, object],
        last: Mapping[str, object],
        folder_name: str = "",
        *,
        judged: bool = False,
    ) -> Answers:
        """Return the answers; see `questionnaire.settle`."""
        try:
            return questionnaire.settle(
                self.template, self.environment, given, last, folder_name, judged
            )
        except TemplateError as error:
            raise CofeeError(
                f"the questions of the template cannot be rendered: {error}",
                hint="fix the default or validator in `copier.yml` of the template",
            ) from error

    def render(
        self, answers: Answers, operation: Operation, only: Collection[str] | None = None
    ) -> dict[str, File]:
        """Return every file that the template gives for these answers, the answers file included.

        Args:
            only: leave out the files of every module but these.

        Raises:
            CofeeError: a template file fails; the message names it.
        """
        places = self._places(answers, operation, only)
        return {path: self._file(place) for path, place in places.items()}

    def render_changed(
        self,
        before: Answers,
        after: Answers,
        only: Collection[str] | None,
        never_merged: Collection[str] = (),
    ) -> tuple[dict[str, File], dict[str, File], set[str]]:
        """Render those files of two sides that can differ.

        Args:
            never_merged: paths of which only the second side is rendered.

        Returns:
            Both sides without the other files, and all paths of the first.
        """
        old, new = (self._places(answers, "copy", only) for answers in (before, after))
        equal = {path for path in old.keys() & new.keys() if old[path].is_equal(new[path])}
        unused = equal | {*never_merged}
        base = {path: self._file(place) for path, place in old.items() if path not in unused}
        changed = {path: self._file(place) for path, place in new.items() if path not in equal}
        return base, changed, set(old)

    def text(self, text: str, context: Mapping[str, object]) -> str:
        """Render one string."""
        return self._string(text, context)

    def holds(self, condition: Any, context: Mapping[str, object]) -> bool:
        """Return whether a condition, such as a task's `when`, is true."""
        return questionnaire.truth(self._string(str(condition), context))

    @cached_property
    def _reading(self) -> _Sources:
        return _Sources(self.template.root, self.environment)

    @cached_property
    def _root(self) -> Path:
        return self.template.root / self.subdirectory

    @cached_property
    def _sources(self) -> list[tuple[str, bool]]:
        """Every file below the template's folder, and whether Jinja renders it.

        As in Copier, `x` is omitted if `x.jinja` exists.
        """
        found = []
        for folder, folders, names in os.walk(self._root, followlinks=True):
            folders.sort()
            base = Path(folder).relative_to(self._root)
            found += [(base / name).as_posix() for name in sorted(names)]
        plain = set(found)
        return [
            (path, path.endswith(self.suffix)) for path in found if path + self.suffix not in plain
        ]

    def _places(
        self, answers: Answers, operation: Operation, only: Collection[str] | None
    ) -> dict[str, _Place]:
        """Return what each path is rendered from."""
        context = dict(answers.context)
        values = _Values(context)
        excluded = self._exclusion({**context, "_copier_operation": operation})
        return {
            path: _Place(source, scope, self._origin(source, scope, values, is_template))
            for source, is_template in self._sources
            for path, scope in self._paths(source, context, only)
            if not excluded(path)
        }

    def _origin(
        self, source: str, scope: Scope, values: _Values, is_template: bool
    ) -> tuple[str, ...] | None:
        """Return all that a file can depend on; None where that cannot be known."""
        if not is_template:
            return (source,)
        return self._reading.origin(self._name(source), scope, values)

    def _name(self, source: str) -> str:
        """Return the name of a source for Jinja."""
        return f"{self.subdirectory}/{source}" if self.subdirectory else source

    def _paths(
        self, source: str, context: Scope, only: Collection[str] | None
    ) -> Iterator[tuple[str, Scope]]:
        """Yield each path that a source gives, with the context that its `yield` adds."""
        name = source.removesuffix(self.suffix)
        if "{" not in name:
            return iter([(name, context)])
        return self._expand(name.split("/"), [], context, only)

    def _expand(
        self, parts: list[str], done: list[str], context: Scope, only: Collection[str] | None
    ) -> Iterator[tuple[str, Scope]]:
        if not parts:
            yield "/".join(done), context
            return
        for part, scope in self._expand_part(parts[0], context, only):
            if part:
                yield from self._expand(parts[1:], [*done, part], scope, only)

    def _expand_part(
        self, part: str, context: Scope, only: Collection[str] | None
    ) -> Iterator[tuple[str, Scope]]:
        loop = YIELD.search(part)
        if loop is None:
            yield self._string(part, context), context
            return
        variable, expression, body = loop.groups()
        if expression not in self._expressions:
            self._expressions[expression] = self.environment.compile_expression(expression)
        items = self._expressions[expression](**context) or ()
        text = part[: loop.start()] + body + part[loop.end() :]
        for item in items:
            if only is not None and variable == MODULE and item["name"] not in only:
                continue
            scope = {**context, variable: item}
            yield self._string(text, scope), scope

    def _string(self, text: str, context: Mapping[str, object]) -> str:
        if "{" not in text:
            return text
        return self.environment.from_string(text).render(context)

    def _file(self, place: _Place) -> File:
        source, scope, origin = place
        if origin == (source,):
            return self._plain(source)
        mode, name = self._mode(source), self._name(source)
        if origin is None:
            return File(self._rendered(name, scope), mode)
        if origin not in self._made:
            self._made[origin] = self._rendered(name, scope)
        return File(self._made[origin], mode)

    def _plain(self, source: str) -> File:
        if source not in self._copied:
            content = (self._root / source).read_bytes()
            self._copied[source] = File(content, self._mode(source))
        return self._copied[source]

    def _mode(self, source: str) -> int:
        return EXECUTABLE if os.access(f"{self._root}/{source}", os.X_OK) else REGULAR

    def _rendered(self, name: str, scope: Scope) -> bytes:
        try:
            return self.environment.get_template(name).render(scope).encode()
        except TemplateError as error:
            source = name.removeprefix(f"{self.subdirectory}/")
            raise CofeeError(
                f"the template file `{source}` cannot be rendered: {error}",
                hint="fix the file in the template; it can use only recorded answers",
            ) from error

    def _exclusion(self, context: Mapping[str, object]) -> Callable[[str], bool]:
        """Return the test of `_exclude`; an entry may render to many lines (Copier 9.18)."""
        entries = self.template.setting("exclude", [])
        return exclusion(
            line for entry in entries for line in self._string(entry, context).splitlines()
        )


class _Place(NamedTuple):
    """What a file is rendered from; files of equal origins are equal."""

    source: str
    scope: Scope
    origin: tuple[str, ...] | None

    def is_equal(self, other: _Place) -> bool:
        """Return whether both are known to give the same file."""
        known = self.origin is not None
        return known and (self.source, self.origin) == (other.source, other.origin)


class _Values:
    """The answers that many files share, the text of each digested once."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self._answers = answers
        self._digests = {name: _digest(value) for name, value in answers.items()}

    def digest(self, name: str, value: Any) -> str:
        """Return the digest of a value that a file can use by a name."""
        shared = name in self._answers and value is self._answers[name]
        return self._digests[name] if shared else _digest(value)


def _digest(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()


class _Sources:
    """The files of one template as they are read, each with those that it imports."""

    def __init__(self, root: Path, environment: Sandbox) -> None:
        self._root = root
        self._environment = environment
        self._texts: dict[str, str] = {}
        self._words: dict[str, frozenset[str]] = {}
        self._known: dict[str, tuple[str, frozenset[str]] | None] = {}
        self._seen: dict[tuple[str, ...], list[str]] = {}

    def origin(
        self, name: str, scope: Mapping[str, object], values: _Values
    ) -> tuple[str, ...] | None:
        """Return the digest of the sources of a file, and each value that they can use."""
        if name not in self._known:
            self._known[name] = self._read(name)
        known = self._known[name]
        if known is None:
            return None
        digest, sources = known
        asked = (name, *scope)
        if asked not in self._seen:
            named = frozenset().union(*map(self._named, sources))
            self._seen[asked] = sorted(named & scope.keys())
        return (digest, *(f"{key}={values.digest(key, scope[key])}" for key in self._seen[asked]))

    def _named(self, name: str) -> frozenset[str]:
        """Return every word in the expressions and tags of a file, with all values that it uses."""
        if name not in self._words:
            code = "\n".join(self._tags.findall(self._text(name)))
            self._words[name] = frozenset(WORD.findall(code))
        return self._words[name]

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
        everything = "\0".join(
            (settings_of(self._environment), *(self._texts[key] for key in sorted(found)))
        )
        return sha256(everything.encode()).hexdigest(), frozenset(found)

    def _text(self, name: str) -> str:
        if name not in self._texts:
            path = self._root / name
            self._texts[name] = path.read_text(encoding="utf-8") if path.is_file() else ""
        return self._texts[name]

    def _imports(self, text: str) -> Iterator[str | None]:
        """Yield each file that the text imports, except computed names."""
        if self._environment.line_statement_prefix:
            yield None
        for quoted, literal in self._importing.findall(text):
            yield literal if quoted else None

    @cached_property
    def _tags(self) -> re.Pattern[str]:
        environment = self._environment
        pairs = [
            (environment.variable_start_string, environment.variable_end_string),
            (environment.block_start_string, environment.block_end_string),
        ]
        inside = r"""(?:"[^"]*"|'[^']*'|.)*?"""
        either = "|".join(re.escape(start) + inside + re.escape(end) for start, end in pairs)
        return re.compile(either, re.DOTALL)

    @cached_property
    def _importing(self) -> re.Pattern[str]:
        start = re.escape(self._environment.block_start_string)
        end = re.escape(self._environment.block_end_string)
        statement = rf"{start}[-+]?\s*(?:from|import|include|extends)\b"
        literal = r"""\s*(["'])([^"'\\]+)\1\s*"""
        ending = rf"(?=(?:import|as|ignore|with|without)\b|[-+]?{end})"
        return re.compile(f"{statement}(?:{literal}{ending})?")
