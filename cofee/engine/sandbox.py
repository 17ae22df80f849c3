"""Jinja's sandbox, faster at what templates do most: read records, call methods and macros."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import BuiltinMethodType
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    FunctionLoader,
)
from jinja2 import Template as JinjaTemplate
from jinja2.bccache import Bucket
from jinja2.environment import TemplateModule
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import Namespace

MISSING = object()
STRING = "string:"  # before the digest of a text that is not a file
PLAIN = frozenset({str, list, dict, tuple, int})
DICT_ATTRIBUTES = frozenset(dir(dict))
READING = frozenset({"get", "items", "keys", "values"})  # methods of a record
OWN = frozenset({Namespace, LoopContext})  # what a template makes itself
STRING_METHODS = frozenset(name for name in dir(str) if name[0] != "_") - {"format", "format_map"}
HIDDEN = frozenset({"_loop_vars", "_block_vars"})  # arguments that Jinja adds; no macro sees them


class _File(JinjaTemplate):
    """A file of a template; those that are imported without a context register their macros."""

    def make_module(
        self,
        vars: dict[str, Any] | None = None,
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,
    ) -> TemplateModule:
        module = super().make_module(vars, shared, locals)
        if not vars and not locals and isinstance(self.environment, Sandbox):
            self.environment.register(module)
        return module


# What decides how Jinja reads a file.
SETTINGS = (
    *("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "undefined"),
    *("block_start_string", "block_end_string", "newline_sequence", "autoescape"),
    *("variable_start_string", "variable_end_string", "line_comment_prefix"),
    *("line_statement_prefix", "comment_start_string", "comment_end_string"),
)


def settings_of(environment: Environment) -> str:
    """Return all settings of an environment that change what a file means."""
    return repr([(name, getattr(environment, name)) for name in SETTINGS])


class Bytecode(FileSystemBytecodeCache):
    """Compiled files by their content: a new commit of a template compiles what it has changed."""

    def get_bucket(
        self, environment: Environment, name: str, filename: str | None, source: str
    ) -> Bucket:
        """Return the place of a compiled file, which is independent of where the file is."""
        meaning = "\0".join((name, settings_of(environment), source))
        return super().get_bucket(environment, meaning, None, source)


class Sandbox(SandboxedEnvironment):
    """A sandbox for the files of one template.

    A key of a plain record is found without a failed look for an attribute: a quarter of the time
    of a large project went into those failures.

    A macro of an imported file depends on its arguments only, so its result for plain data is kept.
    Both sides of a change describe all modules, and most of them are the same.
    """

    template_class = _File

    def __init__(self, root: Path, **options: Any) -> None:
        self._texts: dict[str, str] = {}
        self._results: dict[Macro, dict[bytes, Any]] = {}
        loader = ChoiceLoader([FunctionLoader(self._texts.get), FileSystemLoader(root)])
        super().__init__(loader=loader, **options)

    def register(self, module: TemplateModule) -> None:
        """Keep what the macros of a module give from now on."""
        for value in vars(module).values():
            if type(value) is Macro:
                self._results[value] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return at once for plain data, whose attributes give no access to the interpreter."""
        if type(obj) in PLAIN:
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute, or a key."""
        kind = type(obj)
        if kind is str and attribute in STRING_METHODS:
            return getattr(obj, attribute)
        if kind in OWN and attribute[0] != "_":
            value = getattr(obj, attribute, MISSING)
            if value is not MISSING:
                return value
        if kind is dict:
            if attribute in READING:
                return getattr(obj, attribute)
            if attribute in obj and attribute not in DICT_ATTRIBUTES:
                return obj[attribute]
        return super().getattr(obj, attribute)

    def from_string(self, source: Any, *more: Any, **options: Any) -> JinjaTemplate:
        """Compile a string like a file: once, with the result cached for the next command."""
        if isinstance(source, str):
            name = f"{STRING}{sha256(source.encode()).hexdigest()}"
            self._texts[name] = source
            return self.get_template(name)
        return super().from_string(source, *more, **options)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 (as in Jinja)
        """Call what a template calls."""
        given = {name: kwargs[name] for name in kwargs if name not in HIDDEN} if kwargs else kwargs
        if type(__obj) is BuiltinMethodType and type(__obj.__self__) in PLAIN:
            return __obj(*args, **given)
        if type(__obj) is not Macro:
            return super().call(__context, __obj, *args, **kwargs)
        results = __self._results.get(__obj)
        if results is None:
            return __obj(__context.eval_ctx, *args, **given)
        try:
            key = marshal.dumps((args, given), 0)
        except ValueError:  # not plain data
            return __obj(__context.eval_ctx, *args, **given)
        if key in results:
            return results[key]
        result = __obj(__context.eval_ctx, *args, **given)
        if marshal.dumps((args, given), 0) == key:  # else it changes its arguments
            results[key] = result
        return result
