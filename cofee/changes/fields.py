"""Adding, removing, changing and renaming fields, and what that means for existing rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cofee.changes import rules
from cofee.changes.step import Migration, Modules, Renaming, Step, find
from cofee.errors import CofeeError, Problems, check_each, listing, quote
from cofee.spec import enums, field_rules, gate, module_rules, parse
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Module, Scope, Value


def add_fields(
    modules: Modules, name: str, given: Iterable[str], backfill: str | None, facts: Facts
) -> Step:
    """Return the step that adds fields after the existing ones.

    Args:
        backfill: the value that existing rows get.
    """
    module, given = find(modules, name, facts), list(given)
    present = module.fields
    check_each(lambda spec: _require_new(spec, module), given)
    added = _checked(modules, module, [*present, *given], facts)[len(present) :]
    if not added:
        raise CofeeError("there is no field to add", hint="name one, such as `note:text:null`")
    values = _backfill(added, backfill, facts)
    _require_values(added, values, facts)
    details = {"fields": _records(added), "backfill": values}
    after = replace(module, fields=(*present, *added))
    return _step("add-field", modules, module, after, added, details, filled=_filled(added, values))


def remove_fields(modules: Modules, name: str, removed: Sequence[str], facts: Facts) -> Step:
    """Return the step that removes fields."""
    module = find(modules, name, facts)
    _require_once(removed)
    gone = [*map(module.field, removed)]
    for field in gone:
        module_rules.require_unnamed(module, field.name, facts)
    after = replace(module, fields=tuple(field for field in module.fields if field not in gone))
    lost = tuple(f"drops the column of `{field.name}` and its values" for field in gone)
    step = _step("remove-field", modules, module, after, gone, {"fields": _records(gone)})
    return replace(step, warnings=lost, takes_away=True)


def change_fields(
    modules: Modules, name: str, given: Iterable[str], backfill: str | None, facts: Facts
) -> Step:
    """Change the type or the modifiers of fields, keeping their order."""
    module, given = find(modules, name, facts), list(given)
    wanted = {spec.split(":")[0]: spec for spec in given}
    _require_once([spec.split(":")[0] for spec in given])
    for unknown in wanted:
        module.field(unknown)
    shared = _defined_enums(modules, module, wanted.values(), facts)
    mixed = [wanted.get(field.name, enums.redefined(field, shared)) for field in module.fields]
    fields = _checked(modules, module, mixed, facts, shared)
    if fields == module.fields:
        raise CofeeError("nothing to change: the fields are the same already")
    after = replace(module, fields=fields)
    values = _backfill([new for _, new in _changes(module, after)], backfill, facts)
    step = _change_step(modules, module, after, values, facts)
    return _followed(step, modules, module, shared, facts)


def _defined_enums(
    modules: Modules, module: Module, given: Iterable[str], facts: Facts
) -> dict[str, Field]:
    """Return the shared enums to which specifications give values."""
    scope = Scope(facts, [other.name for other in modules], module.name)
    read = [parse.read_field(spec, scope) for spec in given]
    return {field.enum: field for field in read if field.enum is not None and field.values}


def _followed(
    step: Step, modules: Modules, changed: Module, shared: Mapping[str, Field], facts: Facts
) -> Step:
    """Return a step with the same change of shared enums in other modules."""
    for module in modules:
        mixed = [enums.redefined(field, shared) for field in module.fields]
        if module is changed or mixed == [*module.fields]:
            continue
        problems = Problems()
        with problems.collected(f"`{module.name}`"):
            fields = _checked(modules, module, mixed, facts, shared)
        problems.require_none()
        other = _change_step(modules, module, replace(module, fields=fields), {}, facts)
        (after,) = (one for one in other.modules if one.name == module.name)
        step = replace(
            step,
            modules=[after if one is module else one for one in step.modules],
            warnings=(*step.warnings, *(f"`{module.name}`: {said}" for said in other.warnings)),
            more=(*step.more, *filter(None, [other.migration])),
        )
    return step


def _changes(before: Module, after: Module) -> list[tuple[Field, Field]]:
    pairs = zip(before.fields, after.fields, strict=True)
    return [(old, new) for old, new in pairs if old != new]


def _change_step(
    modules: Modules, module: Module, after: Module, values: Mapping[str, Value], facts: Facts
) -> Step:
    """Return the step that changes the fields of one module; `values` are for existing rows."""
    changes = _changes(module, after)
    changed = [new for _, new in changes]
    for old, new in changes:
        field_rules.check_type_change(old, new, facts)
    stored = [(old, new) for old, new in changes if _is_stored_otherwise(old, new, facts)]
    names = [new.name for _, new in stored]
    details = {
        "changes": [{"old": old.to_record(), "new": new.to_record()} for old, new in stored],
        "backfill": values,
        **rules.beside(module, after, names, names, facts),
    }
    step = _step(
        "change-field", modules, module, after, changed, details, filled=_filled(changed, values)
    )
    warnings = tuple(
        warning
        for old, new in changes
        for warning in _narrowings(old, new, values.get(new.name, new.default))
    )
    return replace(step, warnings=warnings, migration=step.migration if stored else None)


def rename_field(modules: Modules, name: str, old: str, new: str, facts: Facts) -> Step:
    """Rename a field and its column."""
    module = find(modules, name, facts)
    if old == new:
        raise CofeeError(f"`{new}` is already the name of the field")
    before = module.field(old)
    shown = None if before.json_name == new else before.json_name
    named = replace(before, name=new, json_name=shown)
    mixed = [named if field is before else field for field in module.fields]
    fields = _checked(modules, module, mixed, facts)
    after = fields[module.fields.index(before)]
    ruled = replace(module_rules.renamed(module, old, new), fields=fields)
    details = {
        "old": before.to_record(),
        "new": after.to_record(),
        **rules.beside(module, ruled, [old], [new], facts),
    }
    attributes = {old: new, before.column: after.column}
    step = _step("rename-field", modules, module, ruled, [before, after], details)
    owners = facts.field_classes_of(module.entity)
    renaming = Renaming(module.name, owners, attributes, parts=attributes)
    return replace(step, renaming=renaming)


def _checked(
    modules: Modules,
    module: Module,
    given: Iterable[Field | str],
    facts: Facts,
    shared: Mapping[str, Field] | None = None,
) -> tuple[Field, ...]:
    """Check all fields of a module as they will be together; `shared` are enums that change."""
    listed = [other.name for other in modules]
    known = {**enums.known(modules), **(shared or {})}
    return gate.check_fields(given, facts, listed, module.name, module.fields, known)


def _step(
    verb: str,
    modules: Modules,
    before: Module,
    after: Module,
    touched: Sequence[Field],
    details: Mapping[str, object],
    filled: tuple[Field, ...] = (),
) -> Step:
    names = [field.name for field in touched]
    operation = verb.replace("-", "_")
    slug = f"{operation}_{before.name}_{'_'.join(names)}"[:60].rstrip("_")
    operation = operation if verb == "rename-field" else f"{operation}s"
    return Step(
        f"cofee {verb} {before.name} {' '.join(names)}",
        [after if module is before else module for module in modules],
        Migration(operation, slug, before.name, details, filled),
    )


def _records(fields: Iterable[Field]) -> list[dict[str, object]]:
    return [field.to_record() for field in fields]


def _filled(fields: Iterable[Field], values: Mapping[str, Value]) -> tuple[Field, ...]:
    return tuple(field for field in fields if field.name in values)


def _require_once(named: Sequence[str]) -> None:
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        raise CofeeError(f"the field {quote(twice[0])} is named twice", hint="name it once")


def _require_new(spec: str, module: Module) -> None:
    name = spec.split(":")[0]
    if name in (field.name for field in module.fields):
        raise CofeeError(
            f"the module `{module.name}` has a field `{name}` already",
            hint=f"`cofee change-field {module.name} {spec}` changes it",
        )


def _narrowings(old: Field, new: Field, filled: Value | None) -> list[str]:
    """Return what a changed field no longer has, or rejects although existing rows may hold it.

    Args:
        filled: what rows without a value get.
    """
    name = new.name
    found = []
    if old.type != new.type:
        found.append(f"`{name}` becomes `{new.type}`, and was `{old.type}`")
    if old.nullable and not new.nullable and filled is None:
        found.append(f"`{name}` becomes required; existing rows may have no value")
    elif old.nullable and not new.nullable:
        found.append(f"`{name}` becomes required; rows without a value get {quote(filled)}")
    if new.unique and not old.unique:
        found.append(f"`{name}` becomes unique; existing rows may have duplicates")
    if new.nocase and not old.nocase and old.unique:
        found.append(f"`{name}` ignores case; existing values may differ only in case")
    longest = new.max_length
    if longest is not None and (old.max_length is None or longest < old.max_length):
        found.append(f"`{name}` becomes shorter; existing values may have more than {longest}")
    if lost := [value for value in old.values if value not in new.values]:
        found.append(f"`{name}` loses {listing(lost)}")
    kept = ["null", *parse.modifiers(new)]  # rows without a value have notes of their own
    if dropped := [modifier for modifier in parse.modifiers(old) if modifier not in kept]:
        found.append(f"`{name}` loses {listing(dropped)}, which its specification does not have")
    return found


def _is_stored_otherwise(old: Field, new: Field, facts: Facts) -> bool:
    """Return whether the table changes; bounds and defaults are only in the schema."""
    before, after = old.to_record(), new.to_record()
    if any(before.get(key) != after.get(key) for key in facts.stored_keys):
        return True
    return facts.index_kind(old) != facts.index_kind(new)


def _must_hold_something(field: Field, facts: Facts) -> bool:
    """Return whether a row needs a value; links of rows are in a separate table."""
    return not field.nullable and not facts.is_link(field.type)


def _require_values(fields: Sequence[Field], backfill: Mapping[str, Value], facts: Facts) -> None:
    """Reject new required fields without a value for existing rows.

    Raises:
        CofeeError: a required field has neither a default nor a value for rows.
    """
    for field in fields:
        if (
            _must_hold_something(field, facts)
            and field.default is None
            and field.name not in backfill
        ):
            raise CofeeError(
                f"`{field.name}` is required, and existing rows have no value for it",
                hint="give `--backfill VALUE` or `default=…`, or make the field `null`",
            )


def _backfill(fields: Sequence[Field], value: str | None, facts: Facts) -> dict[str, Value]:
    """Read `--backfill`, by the rules of a default, for the required fields among some."""
    if value is None:
        return {}
    required = [field for field in fields if _must_hold_something(field, facts)]
    if len(required) != 1:
        raise CofeeError(
            "`--backfill` gives one value, so exactly one of the fields must be required",
            hint="add the other fields with a separate command",
        )
    (field,) = required
    return {field.name: parse.read_backfill(field, value, facts)}
