"""The commands that add or change modules: compute a step, confirm its costs, apply it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cofee.changes import fields as field_changes
from cofee.changes import modules as module_changes
from cofee.changes import rules as rule_changes
from cofee.changes.step import Step, find
from cofee.commands.session import finish, opened
from cofee.console.mode import Options
from cofee.engine.merge import lines_at_stake
from cofee.errors import UsageError
from cofee.project import git_index, sides
from cofee.project.project import Project
from cofee.project.sides import Changed
from cofee.source import broken_imports
from cofee.spec import gate, names, owners
from cofee.spec.facts import Facts
from cofee.spec.gate import Given
from cofee.spec.names import Names
from cofee.spec.record import Field, Module


@dataclass(frozen=True)
class ModuleRequest:
    """A new module as it was typed."""

    name: str
    fields: tuple[str, ...]
    source: Path | None
    entity: str | None
    plural: str | None
    rules: Mapping[str, object]


def add_module(directory: Path, request: ModuleRequest, options: Options) -> None:
    """Run `cofee new-module`."""
    with opened(directory, options) as found:
        derived = module_names(found, request.name, request.entity, request.plural)
        given, from_file = _fields_and_rules(request, found.template.facts)
        ruled = Module(derived.module, derived.entity).with_rules({**from_file, **request.rules})
        about = _about(derived, ruled, found.template.facts)
        options.printer.say("\n".join(about))
        if given is None:
            given = _asked_fields(found, ruled, about, options)
        plan = sides.plan_module(found, checked_module(found, ruled, given))
        packages = found.template.facts.packages
        broken_imports.require_sound(found.root, plan.outcome, plan.conflicted, packages)
        next_steps = found.template.setting("cofee_next_steps", [])
        finish(found, plan, options, next_steps=next_steps)


def add_fields(
    directory: Path, module: str, given: Sequence[str], backfill: str | None, options: Options
) -> None:
    """Run `cofee add-field`."""

    def step(found: Project) -> Step:
        facts = found.template.facts
        return field_changes.add_fields(found.modules, module, given, facts, backfill)

    _run(directory, step, options)


def remove_fields(directory: Path, module: str, removed: Sequence[str], options: Options) -> None:
    """Run `cofee remove-field`."""
    _run(
        directory,
        lambda found: field_changes.remove_fields(
            found.modules, module, removed, found.template.facts
        ),
        options,
    )


def change_fields(
    directory: Path, module: str, given: Sequence[str], backfill: str | None, options: Options
) -> None:
    """Run `cofee change-field`."""

    def step(found: Project) -> Step:
        facts = found.template.facts
        return field_changes.change_fields(found.modules, module, given, facts, backfill)

    _run(directory, step, options)


def rename_field(directory: Path, module: str, old: str, new: str, options: Options) -> None:
    """Run `cofee rename-field`."""

    def step(found: Project) -> Step:
        return field_changes.rename_field(found.modules, module, old, new, found.template.facts)

    _run(directory, step, options)


def change_module(
    directory: Path, module: str, given: Mapping[str, object], options: Options
) -> None:
    """Run `cofee change-module`."""

    def step(found: Project) -> Step:
        template = found.template
        return rule_changes.change_module(found.modules, module, given, template.facts)

    _run(directory, step, options)


def rename_module(
    directory: Path, old: str, new: str, entity: str | None, plural: str | None, options: Options
) -> None:
    """Run `cofee rename-module`."""

    def step(found: Project) -> Step:
        derived = module_names(found, new, entity, plural)
        options.printer.say(derived.summary(found.template.facts))
        return module_changes.rename_module(found.modules, old, derived, found.template.facts)

    _run(directory, step, options)


def remove_module(directory: Path, name: str, options: Options) -> None:
    """Run `cofee remove-module`."""
    _run(
        directory,
        lambda found: module_changes.remove_module(found.modules, name),
        options,
        whole=name,
    )


def _run(
    directory: Path, make: Callable[[Project], Step], options: Options, whole: str | None = None
) -> None:
    """Plan a step, ask for confirmation, apply it, and list what the user must check.

    Args:
        whole: the module that is removed completely.
    """
    with opened(directory, options) as found:
        step, removed = make(found), None
        if whole is not None:
            module = find(found.modules, whole).name
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
        plan, packages = changed.plan, found.template.facts.packages
        broken_imports.require_sound(found.root, plan.outcome, plan.conflicted, packages)
        mentions = [f"{use.path}:{use.line}: {use.text}" for use in changed.mentions]
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
    """Return the modules with tests that a change can break."""
    from cofee.commands import verify

    return verify.concerned(found.modules, step.modules)


def _at_stake(changed: Changed) -> dict[str, list[str]]:
    """Return the hand-written lines in what would go, by file."""
    return {conflict.path: lines_at_stake(conflict) for conflict in changed.plan.conflicts}


def _list_mentions(mentions: list[str], options: Options) -> None:
    if mentions and not options.quiet and not options.as_json:
        print("other uses of the old name:", file=sys.stderr)
        for mention in mentions:
            print(f"  {mention}", file=sys.stderr)


def _fields_and_rules(
    request: ModuleRequest, facts: Facts
) -> tuple[Sequence[Given] | None, Mapping[str, object]]:
    """Return the fields of a file or the command line, or None, and the rules of the file."""
    if request.source is None:
        return request.fields or None, {}
    from cofee.spec.yaml_input import read_module

    if request.fields:
        raise UsageError(
            "fields on the command line and `--from` cannot be combined",
            hint="add the fields to the file",
        )
    return read_module(request.source, facts)


def _about(derived: Names, ruled: Module, facts: Facts) -> list[str]:
    """Return what follows from a new module's name and its owner."""
    owner = facts.owners.get(ruled.owned_by or "")
    below = [f"its routes are below {owner.path}{derived.url}"] if owner and owner.path else []
    return [derived.summary(facts), *below]


def _asked_fields(
    found: Project, ruled: Module, about: Sequence[str], options: Options
) -> list[Field]:
    """Ask for the fields; without a terminal there are none."""
    if options.yes or not options.interactive:
        return []
    from cofee.console import wizard
    from cofee.spec import module_rules

    others = [module.name for module in found.modules]
    options_given = module_rules.format_rules(ruled, found.template.facts)
    return list(wizard.ask_fields(found.template.facts, others, ruled.name, about, options_given))


def module_names(project: Project, name: str, entity: str | None, plural: str | None) -> Names:
    """Return a new module's names, or reject names that the project cannot use."""
    derived = names.derive(name, entity, plural)
    facts = project.template.facts
    folder = project.root / facts.modules[0]
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    present = {name for name in present if not _is_left_over(folder / name)}
    recorded = (module.names for module in project.modules)
    names.check_names(
        derived, facts, recorded, folders=present, **_definitions(project.root, facts)
    )
    return derived


def checked_module(project: Project, ruled: Module, given: Sequence[Given]) -> Module:
    """Return a new module with its fields once it passed the gate."""
    others = [module.name for module in project.modules]
    template = project.template
    fields = gate.check_fields(given, template.facts, others, ruled.name)
    modules = [*project.modules, replace(ruled, fields=fields)]
    module = gate.check_rules(modules, template.facts, project.modules)[-1]
    owners.require_options([module], project.answers, (), project.template.facts)
    return module


def forget_new_module(project: Project, step: Step, module: str) -> tuple[Step, str | None]:
    """Remove the migration of a module that was never committed, instead of adding one.

    Returns:
        The step without a migration and the path of the one to remove, or the step unchanged.
    """
    path = project.migrations.created_by(module)
    is_new = (
        path is not None
        and git_index.is_new(project.root, path)
        and project.migrations.is_head(path)
    )
    return (replace(step, migration=None), path) if is_new else (step, None)


def _definitions(root: Path, facts: Facts) -> dict[str, Collection[str]]:
    """Return what hand-written code defines and would clash, found without importing it."""
    return {
        what: {
            name
            for source in _sources(root / defined.folder)
            for name in defined.pattern.findall(source)
        }
        for what, defined in facts.definitions.items()
    }


def _sources(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        if path.is_file():
            yield path.read_text(encoding="utf-8", errors="replace")


def _is_left_over(folder: Path) -> bool:
    """Return whether a directory contains only Python caches."""
    return folder.is_dir() and all(path.name == "__pycache__" for path in folder.iterdir())
