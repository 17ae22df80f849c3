"""The command that changes the options of a service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cofee import change, operations, options, soundness, upgrades
from cofee.cli_options import Options
from cofee.commands import finish, opened
from cofee.consent import confirm_loss
from cofee.merge import lines_at_stake


def set_options(directory: Path, pairs: Sequence[str], how: Options) -> None:
    """Run `cofee set`."""
    given = options.read_pairs(pairs)
    with opened(directory, how) as found:
        step = options.change_options(found, given)
        for warning in step.warnings:
            how.printer.verb("note", warning)
        plan = operations.plan_step(found, step).plan
        if plan.removed:
            confirm_loss({one.path: lines_at_stake(one) for one in plan.removed}, how)
            plan = change.let_go(found, plan)
        soundness.require_sound(found.root, plan)
        next_steps = [
            *upgrades.follow_up(found.template, plan),
            *found.template.setting("cofee_next_steps", []),
        ]
        more = {"warnings": list(step.warnings), "next_steps": next_steps}
        finish(found, plan, how, next_steps=next_steps, more=more)
