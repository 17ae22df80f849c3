"""The commands that change modules: compute a step, confirm its costs, apply it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cofee.changes import fields as field_changes
from cofee.changes import modules as module_changes
from cofee.changes import rules as rule_changes
from cofee.changes.step import Step, find, names_module
from cofee.commands import database
from cofee.commands.new_module import module_names
from cofee.commands.session import finish, opened
from cofee.console.mode import Options
from cofee.engine.merge import lines_at_stake
from cofee.errors import CofeeError
from cofee.project import git_index, migrations, sides
from cofee.project.project import Project
from cofee.project.sides import Changed
from cofee.source import breakage
from cofee.spec.names import derive


def add_fields(
    directory: Path, module: str, given: Sequence[str], backfill: str | None, options: Options
) -> None:
    """Run `cofee add-field`."""
    _change_fields(directory, module, options, field_changes.add_fields, given, backfill)


def remove_fields(directory: Path, module: str, removed: Sequence[str], options: Options) -> None:
    """Run `cofee remove-field`."""
    _change_fields(directory, module, options, field_changes.remove_fields, removed)


def change_fields(
    directory: Path, module: str, given: Sequence[str], backfill: str | None, options: Options
) -> None:
    """Run `cofee change-field`."""
    _change_fields(directory, module, options, field_changes.change_fields, given, backfill)


def rename_field(directory: Path, module: str, old: str, new: str, options: Options) -> None:
    """Run `cofee rename-field`."""
    _change_fields(directory, module, options, field_changes.rename_field, old, new)


def change_module(
    directory: Path, module: str, given: Mapping[str, object], options: Options
) -> None:
    """Run `cofee change-module`."""

    def step(found: Project) -> Step:
        template = found.template
        return rule_changes.change_module(found.modules, module, given, template.facts)

    run_step(directory, step, options)


def rename_module(
    directory: Path, old: str, new: str, entity: str | None, plural: str | None, options: Options
) -> None:
    """Run `cofee rename-module`."""

    def step(found: Project) -> Step:
        if derive(new, entity, plural).module == old:
            raise CofeeError(f"`{old}` is already the name of the module")
        derived = module_names(found, new, entity, plural)
        options.printer.say(derived.summary(found.template.facts))
        return module_changes.rename_module(found.modules, old, derived, found.template.facts)

    run_step(directory, step, options)


def remove_module(directory: Path, name: str, options: Options) -> None:
    """Run `cofee remove-module`."""
    run_step(
        directory,
        lambda found: module_changes.remove_module(found.modules, name, found.template.facts),
        options,
        whole=name,
    )


def _change_fields(
    directory: Path, name: str, options: Options, change: Callable[..., Step], *arguments: object
) -> None:
    """Run a change of the fields of a module, or of those that users have in addition."""

    def step(found: Project) -> Step:
        facts = found.template.facts
        is_known = name in (module.name for module in found.modules)
        extensible = () if is_known else found.extensible
        extended = [module for module in extensible if names_module(name, module.name)]
        done = change([*found.modules, *extended], name, *arguments, facts=facts)
        if not extended:
            return done
        *modules, changed = done.modules
        answer = str(facts.targets[changed.name].fields)
        records = [field.to_record() for field in changed.fields]
        return replace(done, modules=modules, answers={answer: records})

    run_step(directory, step, options)


def run_step(
    directory: Path, make: Callable[[Project], Step], options: Options, whole: str | None = None
) -> None:
    """Plan a step, ask for confirmation, apply it, and list what the user must check.

    Args:
        whole: the module that is removed completely.
    """
    with opened(directory, options) as found:
        step, removed = make(found), None
        if whole is not None:
            module = find(found.modules, whole, found.template.facts).name
            step, removed = forget_new_module(found, step, module)
        for warning in step.warnings:
            options.printer.verb("note", warning)
        changed = sides.plan_step(found, step, removed=removed)
        at_stake = _at_stake(changed) if step.takes_away else {}
        if removed is not None and sides.is_edited_migration(found, removed, step):
            at_stake[removed] = ["the migration has manual edits"]
        if at_stake:
            from cofee.console.confirm import confirm_loss

            confirm_loss(at_stake, options)
            changed = sides.plan_step(found, step, prefer_template=True, removed=removed)
        warnings = migrations.warnings_of(changed.plan.changes, found.template.facts.migrations)
        for warning in warnings:
            options.printer.verb("note", warning)
        plan, packages = changed.plan, found.template.facts.packages
        breakage.require_sound(found.root, plan.outcome, plan.conflicted, packages)
        mentions = [str(use) for use in changed.mentions]
        more = {"mentions": mentions, "warnings": [*step.warnings, *warnings]}
        next_steps = found.template.setting("cofee_next_steps", [])
        options.printer.listed(
            "other uses of the old name:" if step.renaming else "uses of removed names:", mentions
        )
        finish(
            found,
            changed.plan,
            options,
            next_steps=next_steps,
            more=more,
            concerned=_concerned(found, step) if options.verify else (),
        )


def _concerned(found: Project, step: Step) -> set[str]:
    """Return the modules with tests that a change can break."""
    from cofee.commands import verify

    return verify.concerned(found.modules, step.modules)


def _at_stake(changed: Changed) -> dict[str, list[str]]:
    """Return the hand-written lines that would be removed, by file."""
    return {conflict.path: lines_at_stake(conflict) for conflict in changed.plan.conflicts}


def forget_new_module(project: Project, step: Step, module: str) -> tuple[Step, str | None]:
    """Remove the migration of a module that was never committed, instead of adding one.

    Returns:
        The step without a migration and the path of the one to remove; or the step unchanged, if
        others may have that migration, or the database has applied it.
    """
    path = project.migrations.created_by(module)
    is_new = (
        path is not None
        and git_index.is_new(project.root, path)
        and project.migrations.is_head(path)
    )
    removal = database.plan_removal(project, [path]) if is_new and path is not None else None
    if removal is None:
        return step, None
    if removal.is_applied:
        note = f"{removal.note}, so another migration drops the table"
        return replace(step, warnings=(*step.warnings, note)), None
    notes = filter(None, [removal.note])
    return replace(step, migration=None, warnings=(*step.warnings, *notes)), path
