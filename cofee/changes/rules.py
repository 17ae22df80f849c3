"""Changes of a module's rules, and the rules that a migration of its fields must drop first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cofee.changes.step import Migration, Modules, Step, find
from cofee.errors import CofeeError, listing
from cofee.spec import checks, gate, module_rules
from cofee.spec.facts import Facts
from cofee.spec.record import Key, Module

# The rules that name fields. A migration of fields drops them first.
NAMING = ("unique_together", "indexes", "checks", "search")


def change_module(modules: Modules, name: str, given: Mapping[str, object], facts: Facts) -> Step:
    """Change the rules of a module; a given list replaces the previous one.

    Raises:
        CofeeError: a rule is not possible, or nothing would change.
    """
    before = find(modules, name, facts)
    if not given:
        raise CofeeError("there is nothing to change", hint="give a rule: `--unique-together a,b`")
    ruled = _ruled(before, given)
    after = [ruled if module is before else module for module in modules]
    checked = gate.check_rules(after, facts, modules)
    new = find(checked, before.name, facts)
    if new == before:
        raise CofeeError("nothing to change: the module is the same already")
    old_record, new_record = before.to_record(), new.to_record()
    changed = [
        name
        for name, rule in facts.rules.items()
        if rule.kind != "rows" and old_record.get(name) != new_record.get(name)
    ]
    migration = Migration(
        "change_rules",
        f"change_{before.name}_{'_'.join(changed)}"[:60].rstrip("_"),
        before.name,
        {"old": old_record, "new": new_record},
    )
    return Step(
        command=f"cofee change-module {before.name}",
        modules=checked,
        migration=migration if any(facts.rules[name].is_stored for name in changed) else None,
        warnings=tuple(_narrowings(before, new, facts)),
    )


def beside(
    before: Module, after: Module, old: Collection[str], new: Collection[str], facts: Facts
) -> dict[str, object]:
    """Return the rules that name some fields, for the migration of these fields.

    Args:
        old: the names of the fields before the migration.
        new: their names after it.
    """
    sides = (_about(before, old, facts), _about(after, new, facts))
    ruled = any(getattr(sides[0], rule) for rule in NAMING)
    return {"rules": [_side(side) for side in sides]} if ruled else {}


def _ruled(before: Module, given: Mapping[str, object]) -> Module:
    """Replace rules by the given ones; new checks need new examples."""
    after = before.with_rules(given)
    return after if after.checks == before.checks else replace(after, examples=())


def _about(module: Module, names: Collection[str], facts: Facts) -> Module:
    """Return a module with only those rules that name one of some fields."""
    named = {*names}
    return Module(
        module.name,
        module.entity,
        module.fields,
        owned_by=module.owned_by,
        deletion=module.deletion,
        unique_together=tuple(
            key
            for key in module.unique_together
            if named & {*key.fields, *checks.fields(key.where, module, facts)}
        ),
        indexes=tuple(index for index in module.indexes if named & {*index}),
        search=tuple(name for name in module.search if name in named),
        checks=tuple(
            check for check in module.checks if named & {*checks.fields(check, module, facts)}
        ),
    )


def _side(module: Module) -> dict[str, object]:
    """Return one side of a migration's rules; the lists are there even if they are empty."""
    record = {key: value for key, value in module.to_record().items() if key != "entity"}
    return {**{rule: [] for rule in NAMING}, **record}


def _where(key: Key) -> str:
    return f"where `{key.where}`" if key.where else "together"


def _narrowings(before: Module, after: Module, facts: Facts) -> list[str]:
    """Return what a changed module rejects that it accepted before; existing rows may hold it."""
    known = [(key.fields, key.where) for key in before.unique_together]
    unique = [key for key in after.unique_together if (key.fields, key.where) not in known]
    checked = [check for check in after.checks if check not in before.checks]
    found = [
        f"`{','.join(key.fields)}` becomes unique {_where(key)}; existing rows may have duplicates"
        for key in unique
    ]
    found += [f"`{check}` becomes a rule; existing rows may violate it" for check in checked]
    if before.deletion != after.deletion == "hard":
        found.append(
            "deletes become permanent; the migration fails while the table has soft-deleted rows"
        )
    if after.access not in (None, before.access):
        found.append(f"`access` becomes `{after.access}`; clients without a token get 401")
    served = module_rules.served(after, facts)
    gone = [name for name in module_rules.served(before, facts) if name not in served]
    return found + ([f"removes the routes {listing(gone)}"] if gone else [])
