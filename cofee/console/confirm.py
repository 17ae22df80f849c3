"""Confirmation prompts.

Without a terminal, a command that would lose work or break code is refused; others continue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cofee.console.mode import Options
from cofee.errors import CancelledError, CofeeError, listing
from cofee.project.plan import Plan
from cofee.project.project import Project
from cofee.source import breakage


def confirm_loss(at_stake: Mapping[str, Sequence[str]], options: Options) -> None:
    """List the manual edits that a command would delete, and ask for confirmation.

    Raises:
        CofeeError: the user did not agree, or there is no terminal.
    """
    refusal = CofeeError(
        f"this would delete manual edits in {listing(at_stake)}",
        hint="commit them first, or run again with `--yes`",
    )
    shown = {f"{path}: manual edits that would be deleted": at_stake[path] for path in at_stake}
    _agree(shown, "Delete them?", refusal, options)


def confirm_broken(project: Project, plan: Plan, options: Options) -> list[str]:
    """Return the places that a plan would break, after asking for confirmation.

    Raises:
        CofeeError: the user did not agree, or there is no terminal.
    """
    packages = project.template.facts.packages
    places = breakage.broken(project.root, plan.outcome, plan.conflicted, packages)
    if not places:
        return []
    by_path: dict[str, list[str]] = {}
    for place in places:
        by_path.setdefault(place.path, []).append(f"line {place.line}: {place.reason}")
    refusal = CofeeError(
        f"this would leave syntax errors, unresolved imports or undefined names in "
        f"{listing(by_path)}",
        hint="fix these lines first, or run again with `--yes` and fix them afterwards",
    )
    shown = {f"{path}: would break": lines for path, lines in by_path.items()}
    _agree(shown, "Continue and fix it afterwards?", refusal, options)
    return [str(place) for place in places]


def confirm(question: str, options: Options) -> None:
    """Ask for confirmation; without a terminal the answer is yes.

    Raises:
        CancelledError: the answer was no.
    """
    if options.yes or not options.interactive:
        return
    from cofee.console import wizard

    if not wizard.confirm(question, default=False):
        raise CancelledError


def _agree(
    shown: Mapping[str, Sequence[str]], question: str, refusal: CofeeError, options: Options
) -> None:
    for about, lines in shown.items():
        options.printer.verb("conflict", about)
        for line in lines:
            options.printer.say(f"            {line}")
    if not (options.yes or options.interactive):
        raise refusal
    confirm(question, options)
