"""Renaming and removing a module."""

from __future__ import annotations

from typing import Any

from cofee.changes.step import Module, Modules, Renaming, Step, find
from cofee.errors import CofeeError, listing
from cofee.spec import names
from cofee.spec.facts import Facts
from cofee.spec.names import Names


def rename_module(modules: Modules, old: str, derived: Names, facts: Facts) -> Step:
    """Give a module other names: its folder, table, URL and classes, and what refers to it."""
    module = find(modules, old)
    name = module["name"]
    renamed = {**module, "name": derived.module, "entity": derived.entity}
    after = [_repointed(one if one is not module else renamed, name, derived) for one in modules]
    record = next(one for one in after if one["name"] == derived.module)
    migration = {
        "operation": "rename_module",
        "module": derived.module,
        "old": name,
        "record": record,
        "slug": f"rename_{name}_to_{derived.module}",
    }
    moves = dict(zip(facts.folders(name), facts.folders(derived.module), strict=True))
    classes = dict(
        zip(facts.classes_of(module["entity"]), facts.classes_of(derived.entity), strict=True)
    )
    packages = {
        before.replace("/", "."): after.replace("/", ".") for before, after in moves.items()
    }
    owners = frozenset(classes.values())
    url = names.from_record(name, module["entity"]).url
    renaming = Renaming(derived.module, owners, classes=classes, packages=packages, url=url)
    command = f"cofee rename-module {name} {derived.module}"
    return Step(command, after, migration, moves, renaming)


def remove_module(modules: Modules, name: str) -> Step:
    """Take a module away.

    Raises:
        CofeeError: another module refers to it.
    """
    module = find(modules, name)
    referring = [
        f"{other['name']}.{record['name']}"
        for other in modules
        if other is not module
        for record in other["fields"]
        if record.get("to") == module["name"]
    ]
    if referring:
        raise CofeeError(
            f"the module `{module['name']}` is referred to by {listing(referring)}",
            hint="remove or change those fields first",
        )
    migration = {
        "operation": "drop",
        "module": module["name"],
        "record": dict(module),
        "slug": f"drop_{module['name']}",
    }
    left = [dict(one) for one in modules if one is not module]
    lost = (f"drops the table `{module['name']}` and its rows",)
    command = f"cofee remove-module {module['name']}"
    return Step(command, left, migration, warnings=lost, takes_away=True)


def _repointed(module: Module, old: str, derived: Names) -> dict[str, Any]:
    records = [
        {**record, "to": derived.module} if record.get("to") == old else dict(record)
        for record in module["fields"]
    ]
    return {**module, "fields": records}
