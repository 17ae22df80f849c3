"""The command that changes the options of a service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cofee.cli.options import Options
from cofee.commands import set_options as service_options
from cofee.commands.session import finish, opened
from cofee.console.confirm import confirm_loss
from cofee.engine.merge import lines_at_stake
from cofee.project import plan as planning
from cofee.project import sides
from cofee.source import broken_imports
from cofee.template import upgrade_notes


def set_options(directory: Path, pairs: Sequence[str], how: Options) -> None:
    """Run `cofee set`."""
    given = service_options.read_pairs(pairs)
    with opened(directory, how) as found:
        step = service_options.change_options(found, given)
        for warning in step.warnings:
            how.printer.verb("note", warning)
        plan = sides.plan_step(found, step).plan
        if plan.removed:
            confirm_loss({one.path: lines_at_stake(one) for one in plan.removed}, how)
            plan = planning.let_go(found, plan)
        broken_imports.require_sound(found.root, plan)
        next_steps = [
            *upgrade_notes.follow_up(found.template, plan),
            *found.template.setting("cofee_next_steps", []),
        ]
        more = {"warnings": list(step.warnings), "next_steps": next_steps}
        finish(found, plan, how, next_steps=next_steps, more=more)
