"""The commands that change a module: each finds the step, shows what it costs, and applies it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cofee.changes import evolve, rules
from cofee.changes.evolve import Step
from cofee.cli.options import Options
from cofee.commands.session import finish, opened
from cofee.engine.merge import lines_at_stake
from cofee.project import sides
from cofee.project.project import Project
from cofee.project.sides import Changed
from cofee.source import broken_imports


def add_fields(
    directory: Path, module: str, given: Sequence[str], backfill: str | None, options: Options
) -> None:
    """Run `cofee add-field`."""

    def step(found: Project) -> Step:
        types = found.template.types
        return evolve.add_fields(found.modules, module, given, types, backfill)

    _run(directory, step, options)


def remove_fields(directory: Path, module: str, removed: Sequence[str], options: Options) -> None:
    """Run `cofee remove-field`."""
    _run(directory, lambda found: evolve.remove_fields(found.modules, module, removed), options)


def change_fields(
    directory: Path, module: str, given: Sequence[str], backfill: str | None, options: Options
) -> None:
    """Run `cofee change-field`."""

    def step(found: Project) -> Step:
        types = found.template.types
        return evolve.change_fields(found.modules, module, given, types, backfill)

    _run(directory, step, options)


def rename_field(directory: Path, module: str, old: str, new: str, options: Options) -> None:
    """Run `cofee rename-field`."""

    def step(found: Project) -> Step:
        return evolve.rename_field(found.modules, module, old, new, found.template.types)

    _run(directory, step, options)


def change_module(directory: Path, module: str, given: Mapping[str, Any], options: Options) -> None:
    """Run `cofee change-module`."""

    def step(found: Project) -> Step:
        template = found.template
        return rules.change_module(found.modules, module, given, template.types, template.rules)

    _run(directory, step, options)


def rename_module(
    directory: Path, old: str, new: str, entity: str | None, plural: str | None, options: Options
) -> None:
    """Run `cofee rename-module`."""

    def step(found: Project) -> Step:
        derived = sides.module_names(found, new, entity, plural)
        options.printer.say(derived.summary)
        return evolve.rename_module(found.modules, old, derived)

    _run(directory, step, options)


def remove_module(directory: Path, name: str, options: Options) -> None:
    """Run `cofee remove-module`."""
    _run(directory, lambda found: evolve.remove_module(found.modules, name), options, whole=name)


def _run(
    directory: Path, make: Callable[[Project], Step], options: Options, whole: str | None = None
) -> None:
    """Plan a step, have its costs confirmed, apply it, and list what a person has to look at.

    Args:
        whole: the module that goes as a whole.
    """
    with opened(directory, options) as found:
        step, removed = make(found), None
        if whole is not None:
            module = evolve.find(found.modules, whole)["name"]
            step, removed = sides.forget_new_module(found, step, module)
        for warning in step.warnings:
            options.printer.verb("note", warning)
        changed = sides.plan_step(found, step, removed=removed)
        at_stake = _at_stake(changed) if step.takes_away else {}
        if removed is not None and sides.is_edited_migration(found, removed, step):
            at_stake[removed] = ["the migration was edited by hand"]
        if at_stake:
            from cofee.console.confirm import confirm_loss

            confirm_loss(at_stake, options)
            changed = sides.plan_step(found, step, prefer_template=True, removed=removed)
        broken_imports.require_sound(found.root, changed.plan)
        mentions = [f"{one.path}:{one.line}: {one.text}" for one in changed.mentions]
        more = {"mentions": mentions, "warnings": list(step.warnings)}
        next_steps = found.template.setting("cofee_next_steps", [])
        _list_mentions(mentions, options)
        finish(
            found,
            changed.plan,
            options,
            next_steps=next_steps,
            more=more,
            concerned=_concerned(found, step) if options.verify else (),
        )


def _concerned(found: Project, step: Step) -> set[str]:
    """Return the modules whose tests tell whether a change is good."""
    from cofee.commands import verify

    return verify.concerned(found.modules, step.modules)


def _at_stake(changed: Changed) -> dict[str, list[str]]:
    """Return the hand-written lines in what would go, by file."""
    return {conflict.path: lines_at_stake(conflict) for conflict in changed.plan.conflicts}


def _list_mentions(mentions: list[str], options: Options) -> None:
    if mentions and not options.quiet and not options.as_json:
        print("the old name is still in:", file=sys.stderr)
        for mention in mentions:
            print(f"  {mention}", file=sys.stderr)
