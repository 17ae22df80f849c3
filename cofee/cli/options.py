"""Options that several commands take, written down once."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cofee.console.output import Printer

Command = Callable[..., None]

Directory = Annotated[
    Path, typer.Option("--directory", "-C", metavar="DIR", help="The project's folder.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be written.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show the patch, and write nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the plan and the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors alone.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to every confirmation.")]
Defaults = Annotated[bool, typer.Option("--defaults", help="Take the default of every question.")]
Verify = Annotated[
    bool,
    typer.Option("--verify", help="Run the checks before and after; take it back when red."),
]
HERE = Path()


@dataclass(frozen=True)
class Options:
    """What every writing command takes."""

    dry_run: DryRun = False
    diff: Diff = False
    as_json: Json = False
    quiet: Quiet = False
    yes: Yes = False
    verify: Verify = False

    @property
    def writes(self) -> bool:
        return not (self.dry_run or self.diff)

    @cached_property
    def printer(self) -> Printer:
        from cofee.console.output import Printer

        return Printer(self.as_json, self.quiet)

    @property
    def interactive(self) -> bool:
        """Whether somebody can be asked."""
        return not self.as_json and sys.stdin.isatty() and sys.stdout.isatty()


def takes(
    *, without: Collection[str] = (), **bundles: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Let a command take the options of a function in place of what that function makes of them.

    `@takes(options=Options)` gives the parameter `options` of a command the value of `Options`, and
    the command line the options that `Options` has, at the place of that parameter.

    Args:
        without: options that the command does not have.
    """

    parts = {name: _options(make, without) for name, make in bundles.items()}

    def bundle(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:
            made = {
                name: make(**{option: given.pop(option) for option in parts[name]})
                for name, make in bundles.items()
            }
            command(**given, **made)

        groups = [parts.get(name, {name: one}) for name, one in _options(command).items()]
        signature = inspect.Signature([one for group in groups for one in group.values()])
        run.__signature__ = signature  # type: ignore[attr-defined]  # Typer reads it
        return run

    return bundle


def _options(
    function: Callable[..., Any], without: Collection[str] = ()
) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function by name; given by name, their order is free."""
    parameters = inspect.signature(function, eval_str=True).parameters
    return {
        name: one.replace(kind=one.KEYWORD_ONLY)
        for name, one in parameters.items()
        if name not in without
    }
