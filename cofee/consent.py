"""What somebody has to agree to: it is shown, then asked for, and refused where nobody is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cofee.cli_options import Options
from cofee.errors import CofeeError, listing
from cofee.soundness import Broken


def confirm_loss(at_stake: Mapping[str, Sequence[str]], options: Options) -> None:
    """List what was edited by hand in what would go, and ask.

    Raises:
        CofeeError: nobody agreed.
    """
    refusal = CofeeError(
        f"hand edits would go with it, in {listing(at_stake)}",
        hint="save them, or run this again with `--yes`",
    )
    shown = {f"{path}: edited by hand in what would go": at_stake[path] for path in at_stake}
    _confirm(shown, "Remove them all the same?", refusal, options)


def confirm_broken(places: Sequence[Broken], options: Options) -> None:
    """List what would not parse or import any more, and ask, where there are such places.

    Raises:
        CofeeError: nobody agreed.
    """
    if not places:
        return
    by_path: dict[str, list[str]] = {}
    for place in places:
        by_path.setdefault(place.path, []).append(f"line {place.line}: {place.reason}")
    refusal = CofeeError(
        f"code would not parse or import any more, in {listing(by_path)}",
        hint="mend it first where you can, or run this again with `--yes` and mend it then",
    )
    shown = {f"{path}: would break": lines for path, lines in by_path.items()}
    _confirm(shown, "Go on, and mend it then?", refusal, options)


def _confirm(
    shown: Mapping[str, Sequence[str]], question: str, refusal: CofeeError, options: Options
) -> None:
    for about, lines in shown.items():
        options.printer.verb("conflict", about)
        for line in lines:
            options.printer.say(f"            {line}")
    if options.yes:
        return
    if not options.interactive:
        raise refusal
    from cofee import prompts

    if not prompts.confirm(question, default=False):
        raise CofeeError(prompts.CANCELLED)
