"""The template, compiled once for all runs of Copier in a process and its forks.

A server that imports this file compiles the template in `COMPILED_FOR_COPIER` before it forks.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from jinja2 import Environment

compile_template = Environment.compile
compiled: dict[tuple[object, ...], Any] = {}


def compile_once(self: Environment, source: str, name: str | None = None, *more: Any) -> Any:
    """Compile a template for the first of Copier's renderings, not for each of them."""
    if "copier._jinja_ext.YieldExtension" not in self.extensions:
        return compile_template(self, source, name, *more)
    self.preprocess(source, name)  # which forgets the last tag `yield`
    key = (source, name, self.lexer)  # environments with equal settings have the same lexer
    if key not in compiled:
        compiled[key] = compile_template(self, source, name, *more)
    return compiled[key]


if template := os.environ.get("COMPILED_FOR_COPIER"):
    from copier import run_copy

    Environment.compile = compile_once  # type: ignore[assignment, method-assign]
    with tempfile.TemporaryDirectory() as folder:
        run_copy(template, folder, defaults=True, unsafe=True, skip_tasks=True, quiet=True)
