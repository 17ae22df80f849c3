"""What runs of the command and of Copier share in a process and its forks.

It is the template, compiled for Copier, and the parser of the command. A server that imports this
file makes both before it forks: it compiles the template in `COMPILED_FOR_COPIER`.
"""

from __future__ import annotations

import functools
import os
import tempfile
from typing import Any

import typer.main
import yaml
from jinja2 import Environment

# Copier reads YAML with the parser in Python, which is ten times as slow as that in C.
yaml.SafeLoader = yaml.CSafeLoader  # type: ignore[assignment, misc]

# A process of the command builds its parser once; these run hundreds of commands.
build_parser = typer.main.get_command
typer.main.get_command = functools.cache(build_parser)

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

    import cofee.cli.modules  # noqa: F401 (its commands register themselves)
    from cofee.cli.app import app

    typer.main.get_command(app)
    Environment.compile = compile_once  # type: ignore[assignment, method-assign]
    with tempfile.TemporaryDirectory() as folder:
        run_copy(template, folder, defaults=True, unsafe=True, skip_tasks=True, quiet=True)
