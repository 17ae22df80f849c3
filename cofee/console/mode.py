"""Options that control a run: whether it writes, what it prints and whether it prompts."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cofee.console.output import Printer


@dataclass(frozen=True)
class Options:
    """The options of every command that writes."""

    dry_run: bool = False
    diff: bool = False
    as_json: bool = False
    quiet: bool = False
    yes: bool = False
    verify: bool = False

    @property
    def writes(self) -> bool:
        return not (self.dry_run or self.diff)

    @cached_property
    def printer(self) -> Printer:
        from cofee.console.output import Printer

        return Printer(self.as_json, self.quiet)

    @property
    def interactive(self) -> bool:
        """Whether there is a terminal to ask questions."""
        return not self.as_json and sys.stdin.isatty() and sys.stdout.isatty()
