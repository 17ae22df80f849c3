"""A template and its answers become a tree of files: byte for byte what Copier gives, without it.

Copier copies through its own classes, whose import alone costs a second, and renders into a folder.
Here the same templates are rendered into memory, so that two sides can be compared at once. A test
holds this against Copier for every example and option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import normalize

from jinja2 import (
    ChoiceLoader,
    FileSystemBytecodeCache,
    FileSystemLoader,
    FunctionLoader,
    StrictUndefined,
    TemplateError,
)
from jinja2.sandbox import SandboxedEnvironment

from cofee.engine import questionnaire
from cofee.engine.reuse import Sources, Values
from cofee.errors import CofeeError
from cofee.files import EXECUTABLE, REGULAR, File, load_yaml
from cofee.template.clones import cache_dir
from cofee.template.template import Template

if TYPE_CHECKING:
    from jinja2 import Template as JinjaTemplate

    from cofee.engine.questionnaire import Answers

Scope = Mapping[str, Any]  # what a file's expressions can name
Operation = Literal["copy", "update"]
MODULE = "module"  # what a file of a module sees the module as
STRING = "string:"  # before the digest of a text that is no file
DICT_ATTRIBUTES = frozenset(dir(dict))
YIELD = re.compile(r"{%-?\s*yield\s+(\w+)\s+from\s+(.+?)\s*-?%}(.*){%-?\s*endyield\s*-?%}")


class _Sandbox(SandboxedEnvironment):
    """Jinja's sandbox; a key of a plain record is found without a failed look for an attribute.

    Templates read little else: a quarter of the time of a large project went into those failures.
    """

    def __init__(self, root: Path, **options: Any) -> None:
        self._texts: dict[str, str] = {}
        loader = ChoiceLoader([FunctionLoader(self._texts.get), FileSystemLoader(root)])
        super().__init__(loader=loader, **options)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj and attribute not in DICT_ATTRIBUTES:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def from_string(self, source: Any, *more: Any, **options: Any) -> JinjaTemplate:
        """Compile a text as files are compiled: once, and kept for the next command."""
        if isinstance(source, str):
            name = f"{STRING}{sha256(source.encode()).hexdigest()}"
            self._texts[name] = source
            return self.get_template(name)
        return super().from_string(source, *more, **options)


@cache
def _parsed(text: str) -> Any:
    """Read a YAML text once: several macros start with the same table."""
    return load_yaml(text.encode(), path="a template")


class Renderer:
    """Renders one template, as often as asked.

    What was rendered is kept, and used again where all that it depends on is the same: between the
    answers before and after a change, and from the commit that is left to the one that follows.
    """

    def __init__(self, template: Template, like: Renderer | None = None) -> None:
        self.template = template
        self.suffix: str = template.setting("templates_suffix", ".jinja")
        self.subdirectory: str = template.setting("subdirectory", "")
        self._expressions: dict[str, Callable[..., Any]] = {}
        self._copied: dict[str, File] = {}
        self._made: dict[tuple[str, ...], bytes] = like._made if like else {}

    @cached_property
    def environment(self) -> SandboxedEnvironment:
        """Jinja as Copier sets it up, with compiled templates kept beside the checkouts."""
        options = {"keep_trailing_newline": True, **self.template.setting("envops", {})}
        if options.get("undefined") == "jinja2.StrictUndefined":
            options["undefined"] = StrictUndefined
        bytecode = cache_dir() / "bytecode"
        bytecode.mkdir(parents=True, exist_ok=True)
        environment = _Sandbox(
            self.template.root,
            bytecode_cache=FileSystemBytecodeCache(str(bytecode)),
            extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
            auto_reload=False,
            **options,
        )
        environment.filters["from_yaml"] = lambda text: deepcopy(_parsed(text))
        return environment

    def settle(
        self,
        given: Mapping[str, Any],
        last: Mapping[str, Any],
        folder_name: str = "",
        *,
        judged: bool = False,
    ) -> Answers:
        """Answer the questionnaire; see `questions.settle`."""
        try:
            return questionnaire.settle(
                self.template, self.environment, given, last, folder_name, judged
            )
        except TemplateError as error:
            raise CofeeError(f"the template's questionnaire fails: {error}") from error

    def render(
        self, answers: Answers, operation: Operation, only: Collection[str] | None = None
    ) -> dict[str, File]:
        """Return every file that the template gives for these answers, the answers file included.

        Args:
            only: leave out the files of every module but these.

        Raises:
            CofeeError: a template file fails; the message names it.
        """
        context = dict(answers.context)
        values = Values(context)
        excluded = self._exclusion({**context, "_copier_operation": operation})
        tree: dict[str, File] = {}
        for source, is_template in self._sources:
            for path, scope in self._paths(source, context, only):
                if not excluded(path):
                    tree[path] = self._file(source, scope, values, is_template)
        return tree

    def text(self, text: str, context: Mapping[str, Any]) -> str:
        """Render one string."""
        return self._string(text, context)

    def holds(self, condition: Any, context: Mapping[str, Any]) -> bool:
        """Tell whether a condition, such as a task's `when`, is true."""
        return questionnaire.truth(self._string(str(condition), context))

    @cached_property
    def _reading(self) -> Sources:
        return Sources(self.template.root, self.environment)

    @cached_property
    def _root(self) -> Path:
        return self.template.root / self.subdirectory

    @cached_property
    def _sources(self) -> list[tuple[str, bool]]:
        """Every file below the template's folder, and whether Jinja renders it.

        `x` is left out where `x.jinja` stands beside it, as Copier leaves it out.
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

    def _string(self, text: str, context: Mapping[str, Any]) -> str:
        if "{" not in text:
            return text
        return self.environment.from_string(text).render(context)

    def _file(self, source: str, scope: Scope, values: Values, is_template: bool) -> File:
        if not is_template:
            return self._plain(source)
        mode = self._mode(source)
        name = f"{self.subdirectory}/{source}" if self.subdirectory else source
        origin = self._reading.origin(name, scope, values)
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
        return EXECUTABLE if os.access(self._root / source, os.X_OK) else REGULAR

    def _rendered(self, name: str, scope: Scope) -> bytes:
        try:
            return self.environment.get_template(name).render(scope).encode()
        except TemplateError as error:
            source = name.removeprefix(f"{self.subdirectory}/")
            raise CofeeError(f"the template file `{source}` fails: {error}") from error

    def _exclusion(self, context: Mapping[str, Any]) -> Any:
        """Return the test of `_exclude`; an entry may render to many lines (Copier 9.18)."""
        from pathspec import PathSpec

        entries = self.template.setting("exclude", [])
        lines = [line for entry in entries for line in self._string(entry, context).splitlines()]
        patterns = PathSpec.from_lines("gitignore", (normalize("NFD", line) for line in lines))
        return patterns.match_file
