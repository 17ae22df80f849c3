"""Values of arguments and options, taken without Pydantic where it has nothing to check.

For each value, Typer asks Pydantic whether a text is a text, and a missing option missing. Its
import takes longer than most commands, and only numbers need it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer import core

ask_pydantic = core.build_runtime_param  # type: ignore[attr-defined]  # not exported


@dataclass(frozen=True)
class Conversion:
    """Converts the values of one parameter, as Typer's own objects for this do."""

    described: Any  # by Typer: the annotation, among others

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a value in the type of its parameter."""
        annotation = self.described.annotation
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if annotation is str and isinstance(value, str):
            return value
        if annotation is Path and isinstance(value, str | Path):
            return Path(value)
        if annotation == list[str] and isinstance(value, list | tuple):
            return list(value)
        return ask_pydantic(self.described).coerce(value, param=param, ctx=ctx)


def spare_pydantic() -> None:
    """Let Typer convert values with `Conversion`, of which it calls `coerce` alone."""
    core.build_runtime_param = Conversion  # type: ignore[assignment, attr-defined]
