"""Adding, removing, changing and renaming fields, and what that means for existing rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cofee.changes.step import Module, Modules, Renaming, Step, find
from cofee.errors import CofeeError, listing, quote
from cofee.spec import field_rules, module_rules, parse
from cofee.spec.facts import Facts
from cofee.spec.record import column_of, find_field

# The keys of a field record that say how its column is stored.
STORED = (
    *("type", "nullable", "unique", "max_length", "precision", "scale", "values", "items"),
    *("to", "on_delete"),
)


def add_fields(
    modules: Modules,
    name: str,
    given: Iterable[Any],
    facts: Facts,
    backfill: str | None,
) -> Step:
    """Add fields after those that are there.

    Args:
        backfill: the value that rows get which are there already.
    """
    module = find(modules, name)
    present = list(module["fields"])
    records = _checked(modules, module, [*present, *given], facts)[len(present) :]
    if not records:
        raise CofeeError("there is no field to add", hint="name one, such as `note:text:null`")
    values = _backfill(records, backfill, facts)
    _require_values(records, values)
    migration = {"operation": "add_fields", "fields": records, "backfill": values}
    return _step("add-field", modules, module, [*present, *records], records, migration)


def remove_fields(modules: Modules, name: str, removed: Sequence[str]) -> Step:
    """Take fields away."""
    module = find(modules, name)
    _require_once(removed)
    records = [find_field(module, one) for one in removed]
    for one in removed:
        module_rules.require_unnamed(module, one)
    left = [record for record in module["fields"] if record not in records]
    migration = {"operation": "remove_fields", "fields": records}
    lost = tuple(f"drops the column of `{record['name']}` and its values" for record in records)
    return _step(
        "remove-field", modules, module, left, records, migration, warnings=lost, takes_away=True
    )


def change_fields(
    modules: Modules,
    name: str,
    given: Iterable[Any],
    facts: Facts,
    backfill: str | None,
) -> Step:
    """Give fields another type or other modifiers; each stays in its place."""
    module, given = find(modules, name), list(given)
    _require_once([_name_of(one) for one in given])
    wanted = {_name_of(one): one for one in given}
    unknown = [one for one in wanted if one not in _names(module)]
    if unknown:
        find_field(module, unknown[0])
    mixed = [wanted.get(record["name"], record) for record in module["fields"]]
    records = _checked(modules, module, mixed, facts)
    pairs = zip(module["fields"], records, strict=True)
    changes = [{"old": dict(old), "new": new} for old, new in pairs if old != new]
    values = _backfill([change["new"] for change in changes], backfill, facts)
    stored = [change for change in changes if _is_stored_otherwise(**change)]
    migration = {"operation": "change_fields", "changes": stored, "backfill": values}
    for change in changes:
        field_rules.check_type_change(change["old"], change["new"])
    if not changes:
        raise CofeeError("nothing to change: the fields are the same already")
    changed = [change["new"] for change in changes]
    warnings = tuple(one for change in changes for one in _narrowings(change["old"], change["new"]))
    step = _step("change-field", modules, module, records, changed, migration, warnings=warnings)
    return step if stored else replace(step, migration=None)


def rename_field(modules: Modules, name: str, old: str, new: str, facts: Facts) -> Step:
    """Give a field another name, in the database too."""
    module = find(modules, name)
    if old == new:
        raise CofeeError(f"`{new}` is already the name of the field")
    before = find_field(module, old)
    renamed = [
        {**record, "name": new} if record is before else record for record in module["fields"]
    ]
    records = _checked(modules, module, renamed, facts)
    after = records[list(module["fields"]).index(before)]
    migration = {"operation": "rename_field", "old": dict(before), "new": after}
    attributes = {old: new, column_of(before): column_of(after)}
    renaming = Renaming(module["name"], facts.field_classes_of(module["entity"]), attributes)
    ruled = {**module, **module_rules.renamed(module, old, new)}
    modules = [ruled if one is module else one for one in modules]
    return _step(
        "rename-field", modules, ruled, records, [before, after], migration, renaming=renaming
    )


def _checked(
    modules: Modules, module: Module, given: Iterable[Any], facts: Facts
) -> list[dict[str, Any]]:
    """Check all fields of a module as they will stand together."""
    listed = [one["name"] for one in modules]
    return [dict(one) for one in parse.check_fields(given, facts, listed, module["name"])]


def _step(
    verb: str,
    modules: Modules,
    module: Module,
    records: Sequence[Module],
    touched: Sequence[Module],
    migration: Mapping[str, Any],
    **more: Any,
) -> Step:
    changed = {**module, "fields": [dict(record) for record in records]}
    after = [changed if one is module else dict(one) for one in modules]
    about = "_".join(record["name"] for record in touched)
    slug = f"{verb.replace('-', '_')}_{module['name']}_{about}"[:60].rstrip("_")
    command = f"cofee {verb} {module['name']} {' '.join(record['name'] for record in touched)}"
    return Step(command, after, {**migration, "module": module["name"], "slug": slug}, **more)


def _require_once(named: Sequence[str]) -> None:
    twice = [one for one in named if named.count(one) > 1]
    if twice:
        raise CofeeError(f"the field {quote(twice[0])} is named twice", hint="name it once")


def _names(module: Module) -> list[str]:
    return [record["name"] for record in module["fields"]]


def _name_of(given: Any) -> str:
    return str(given.get("name")) if isinstance(given, Mapping) else str(given).split(":")[0]


def _narrowings(old: Module, new: Module) -> list[str]:
    """Say what a changed field refuses that it took before; rows may hold it."""
    name = new["name"]
    found = []
    if old["type"] != new["type"]:
        found.append(f"`{name}` becomes `{new['type']}`, and was `{old['type']}`")
    if old.get("nullable") and not new.get("nullable"):
        found.append(f"`{name}` becomes required; existing rows may have no value")
    if new.get("unique") and not old.get("unique"):
        found.append(f"`{name}` becomes unique; existing rows may have duplicates")
    longest = new.get("max_length")
    if longest is not None and longest < old.get("max_length", longest + 1):
        found.append(f"`{name}` becomes shorter; existing values may have more than {longest}")
    if lost := [value for value in old.get("values", []) if value not in new.get("values", [])]:
        found.append(f"`{name}` loses {listing(lost)}")
    return found


def _is_stored_otherwise(old: Module, new: Module) -> bool:
    """Tell whether the database has to follow; bounds, defaults and sorting live in the schema."""
    return any(old.get(key) != new.get(key) for key in STORED) or _indexed(old) != _indexed(new)


def _must_hold_something(record: Module) -> bool:
    """Tell whether a row needs a value; links of rows stand in a table of their own."""
    return not record.get("nullable") and record["type"] != "many"


def _indexed(record: Module) -> bool:
    return bool(record.get("index") or record.get("filter"))


def _require_values(records: Sequence[Module], backfill: Module) -> None:
    """Refuse new fields that must hold something where nothing says what rows hold.

    Raises:
        CofeeError: a required field has neither a default nor a value for rows.
    """
    for record in records:
        name = record["name"]
        if _must_hold_something(record) and "default" not in record and name not in backfill:
            raise CofeeError(
                f"`{name}` is required, and existing rows have no value for it",
                hint="give `--backfill VALUE` or `default=…`, or make the field `null`",
            )


def _backfill(records: Sequence[Module], value: str | None, facts: Facts) -> dict[str, Any]:
    """Read `--backfill`, by the rules of a default, for the required fields among some."""
    if value is None:
        return {}
    required = [record for record in records if _must_hold_something(record)]
    if len(required) != 1:
        raise CofeeError(
            "`--backfill` gives one value, so exactly one of the fields must be required",
            hint="add the other fields with a separate command",
        )
    (record,) = required
    return {record["name"]: parse.read_default(record, value, facts)}
