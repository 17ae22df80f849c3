"""What a change of a module's rules means for its record and its table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cofee.changes.step import Module, Modules, Step, find
from cofee.errors import CofeeError, listing
from cofee.spec import checks, module_rules
from cofee.spec.facts import Facts
from cofee.spec.record import ROUTES, Scope

# The rules that the database keeps; the others live in the code alone.
STORED = ("unique_together", "indexes", "checks", "deletion", "versioned")
# The rules that name fields, and have to step aside while the fields change.
NAMING = ("unique_together", "indexes", "checks")


def change_module(
    modules: Modules,
    name: str,
    given: Mapping[str, Any],
    facts: Facts,
) -> Step:
    """Give a module other rules; a list that is given replaces the one that was there.

    Raises:
        CofeeError: a rule is not possible, or nothing would change.
    """
    before = dict(find(modules, name))
    if not given:
        raise CofeeError("there is nothing to change", hint="give a rule: `--unique-together a,b`")
    later = Scope(facts, [one["name"] for one in modules], before["name"]).later
    after = module_rules.complete(_ruled(before, given), facts, later)
    if after == before:
        raise CofeeError("nothing to change: the module is the same already")
    changed = [key for key in module_rules.OPTIONS if before.get(key) != after.get(key)]
    migration = {
        "operation": "change_rules",
        "module": before["name"],
        "old": before,
        "new": after,
        "slug": f"change_{before['name']}_{'_'.join(changed)}"[:60].rstrip("_"),
    }
    return Step(
        command=f"cofee change-module {before['name']}",
        modules=[after if one["name"] == before["name"] else dict(one) for one in modules],
        migration=migration if {*changed} & {*STORED} else None,
        warnings=tuple(_narrowings(before, after)),
    )


def with_rules(migration: Mapping[str, Any], before: Modules, after: Modules) -> dict[str, Any]:
    """Complete the record of a migration by the rules that its statements have to heed."""
    module = next((one for one in after if one["name"] == migration["module"]), {})
    if migration["operation"] == "change_fields":
        names = {change["old"]["name"] for change in migration["changes"]}
        pair = (names, names)
    elif migration["operation"] == "rename_field":
        pair = ({migration["old"]["name"]}, {migration["new"]["name"]})
    else:
        return dict(migration)
    old = next(one for one in before if one["name"] == migration["module"])
    sides = [_about(side, names) for side, names in zip((old, module), pair, strict=True)]
    ruled = any(sides[0][key] for key in NAMING)
    return {**migration, "rules": sides} if ruled else dict(migration)


def _ruled(before: Module, given: Mapping[str, Any]) -> dict[str, Any]:
    """Put given rules in the place of those that were there; new checks need new examples."""
    changed = given.get("checks", before.get("checks")) != before.get("checks")
    kept = {key: before[key] for key in before if key != "examples" or not changed}
    return {**kept, **given}


def _about(module: Module, names: Collection[str]) -> dict[str, Any]:
    """Give a module with no more rules than those that name one of some fields."""
    plain = {
        key: module[key] for key in ("name", "fields", "owned_by", "deletion") if key in module
    }
    lists = {
        key: [columns for columns in module.get(key, ()) if {*names} & {*columns}]
        for key in ("unique_together", "indexes")
    }
    named = [one for one in module.get("checks", ()) if {*names} & {*checks.fields(one, module)}]
    return {**plain, **lists, "checks": named}


def _narrowings(before: Module, after: Module) -> list[str]:
    """Say what a changed module refuses that it took before; rows may hold it."""
    new = {
        key: [one for one in after.get(key, ()) if one not in before.get(key, ())] for key in NAMING
    }
    found = [
        f"`{','.join(names)}` becomes unique together; existing rows may have duplicates"
        for names in new["unique_together"]
    ]
    found += [f"`{check}` becomes a rule; existing rows may violate it" for check in new["checks"]]
    if before.get("deletion") != after.get("deletion") == "hard":
        found.append(
            "deletes become permanent; the migration fails while the table has soft-deleted rows"
        )
    gone = [
        name for name in before.get("routes", ROUTES) if name not in after.get("routes", ROUTES)
    ]
    return found + ([f"removes the routes {listing(gone)}"] if gone else [])
