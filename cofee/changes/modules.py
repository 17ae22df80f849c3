"""Renaming and removing a module."""

from __future__ import annotations

from dataclasses import replace

from cofee.changes.step import Migration, Modules, Renaming, Step, find
from cofee.errors import CofeeError, listing
from cofee.spec.facts import Facts
from cofee.spec.names import Names
from cofee.spec.record import Module


def rename_module(modules: Modules, old: str, derived: Names, facts: Facts) -> Step:
    """Rename a module: its directory, table, URL and classes, and references to it."""
    module = find(modules, old, facts)
    name = module.name
    renamed = replace(module, name=derived.module, entity=derived.entity)
    after = [_repointed(renamed if other is module else other, name, derived) for other in modules]
    record = next(other for other in after if other.name == derived.module)
    migration = Migration(
        "rename_module",
        f"rename_{name}_to_{derived.module}",
        derived.module,
        {"old": name, "record": record.to_record()},
    )
    moves = dict(zip(facts.folders(name), facts.folders(derived.module), strict=True))
    classes = dict(
        zip(facts.classes_of(module.entity), facts.classes_of(derived.entity), strict=True)
    )
    for task in (*module.tasks, *module.own_tools):
        classes[f"{module.entity}{task.title}"] = f"{derived.entity}{task.title}"
    packages = {
        before.replace("/", "."): after.replace("/", ".") for before, after in moves.items()
    }
    owners = frozenset(classes.values())
    old_names = module.names
    parts = {
        old_names.module: derived.module,
        old_names.singular: derived.singular,
        old_names.entity: derived.entity,
    }
    renaming = Renaming(
        derived.module, owners, classes=classes, packages=packages, url=old_names.url, parts=parts
    )
    command = f"cofee rename-module {name} {derived.module}"
    return Step(command, after, migration, moves, renaming)


def remove_module(modules: Modules, name: str, facts: Facts) -> Step:
    """Return the step that removes a module.

    Raises:
        CofeeError: another module refers to it.
    """
    module = find(modules, name, facts)
    referring = [
        f"{other.name}.{field.name}"
        for other in modules
        if other is not module
        for field in other.fields
        if field.to == module.name
    ]
    if referring:
        raise CofeeError(
            f"the module `{module.name}` is referred to by {listing(referring)}",
            hint="remove or change those fields first",
        )
    migration = Migration(
        "drop", f"drop_{module.name}", module.name, {"record": module.to_record()}
    )
    left = [other for other in modules if other is not module]
    lost = (f"drops the table `{module.name}` and its rows",)
    command = f"cofee remove-module {module.name}"
    return Step(command, left, migration, warnings=lost, takes_away=True)


def _repointed(module: Module, old: str, derived: Names) -> Module:
    fields = tuple(
        replace(field, to=derived.module) if field.to == old else field for field in module.fields
    )
    return replace(module, fields=fields)
