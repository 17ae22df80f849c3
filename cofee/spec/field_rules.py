"""Rules of one field, from a specification or a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec import bounds, enums
from cofee.spec.facts import Facts, FieldType
from cofee.spec.names import check_field_name, check_length, plural_of
from cofee.spec.patterns import check_compiles, complete_pattern
from cofee.spec.record import (
    KEYS,
    MODIFIER_KEYS,
    ON_DELETE,
    Field,
    Scope,
)

MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
JSON_NAME = re.compile(r"(?=.{1,63}\Z)[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
CHOICE = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_.-]+(?: [A-Za-z0-9_.-]+)*")


def complete(field: Field, scope: Scope) -> Field:
    """Return a field once it follows every rule, with its values as a record keeps them.

    Raises:
        CofeeError: the first rule that it breaks.
    """
    check_name(field.name, scope.facts, filterable=field.filter, reference=field.to is not None)
    check_type(field.name, field.type, scope.facts)
    field = _with_argument(field, scope)
    _check_keys(field, scope)
    _check_argument(field, scope)
    enums.check_name(field, scope.module, scope.facts)
    bounds.check_lengths(field, scope)
    field = bounds.read_values(field, scope)
    bounds.check_bounds(field, scope)
    field = complete_pattern(field, scope)
    check_reference(field, scope)
    _check_access(field)
    check_json_name(field, scope.facts)
    if field.nocase and not field.unique:
        raise CofeeError(f"`{field.name}`: `nocase` needs `unique`", hint="add `:unique`")
    check_constraints(scope.module, field, scope.facts)
    return field


def check_readable(field: Field, facts: Facts) -> None:
    """Reject a recorded field with a type, keys or values that the template does not know.

    Raises:
        CofeeError: the type or a key is unknown, or a value is not of the type.
    """
    check_type(field.name, field.type, facts)
    _require_known(field.name, field.extra, facts.types[field.type])
    bounds.read_values(field, Scope(facts, (), ""))
    if field.pattern is not None:
        check_compiles(field.name, field.pattern)


def check_apart(field: Field, others: Iterable[Field], facts: Facts) -> None:
    """Reject a field with a name, column, relationship or query parameter of another field.

    Raises:
        CofeeError: one module cannot have both.
    """
    for other in others:
        if field.name == other.name:
            raise CofeeError(f"the field `{field.name}` occurs twice", hint="rename one of them")
        if field.column == other.column:
            reference = field.name if field.to is not None else other.name
            raise CofeeError(
                f"the fields `{other.name}` and `{field.name}` would share the column "
                f"`{field.column}`, which is the column of the reference `{reference}`",
                hint="rename one of them",
            )
        shared = {*facts.parameters(field)} & {*facts.parameters(other)}
        if shared:
            raise CofeeError(
                f"the filters `{other.name}` and `{field.name}` would share the query parameter "
                f"`{min(shared)}`",
                hint="rename one of the fields, or remove its `filter`",
            )
        is_named = field.json_name or other.json_name
        if is_named and (shared := _spellings(field, facts) & _spellings(other, facts)):
            spelt = min(shared).lstrip("?")
            raise CofeeError(
                f"`{other.name}` and `{field.name}` would both be called `{spelt}` by clients, "
                "whose names must differ in more than underscores and capitals",
                hint="choose another name after `as=`",
            )


def _spellings(field: Field, facts: Facts) -> set[str]:
    """Return what clients can call a field and its filters, without underscores and capitals."""
    forms = (field, field.in_json)
    names = {name for form in forms for name in (form.name, form.column)}
    names |= {f"?{name}" for form in forms for name in facts.parameters(form)}
    return {name.replace("_", "").lower() for name in names}


def check_constraints(module: str, field: Field, facts: Facts) -> None:
    """Reject a field whose column, constraints or table of links would have names too long."""
    table, column = module, field.column
    if facts.is_link(field.type):
        table, column = facts.name("links", module, field.name), facts.names["other"]
    kinds = {
        "foreign_key": field.to is not None,
        "unique": facts.is_unique(field),
        "index": field.index or field.filter,
    }
    for name in (column, *(facts.name(kind, table, column) for kind in kinds if kinds[kind])):
        check_length(column, name)


def check_name(
    name: str, facts: Facts, *, filterable: bool = False, reference: bool = False
) -> None:
    """Reject a field without a name, or with a reserved one."""
    if not name:
        raise CofeeError("a field has no name; it needs a `name` and a `type`")
    check_field_name(name, facts, filterable=filterable, reference=reference)


def check_type(name: str, type_name: str, facts: Facts) -> None:
    """Reject a type that the template does not know."""
    if type_name not in facts.types:
        word = type_name.lower()
        meant = [name for name, entry in facts.types.items() if word in entry.aliases]
        hint = f"did you mean `{meant[0]}`?" if meant else None
        raise CofeeError(
            f"{quote(name)}: the type {quote(type_name)} is unknown; "
            f"types are {listing(facts.types)}",
            hint=hint or did_you_mean(type_name, facts.types),
        )


def check_modifier(name: str, type_name: str, modifier: str, scope: Scope) -> None:
    """Reject a modifier that does not exist, or that the type does not take."""
    allowed = scope.facts.types[type_name].modifiers
    if modifier in allowed:
        return
    known = listing(allowed) or "no modifiers"
    if modifier in MODIFIER_KEYS:
        raise CofeeError(
            f"`{name}`: `{type_name}` cannot have `{modifier}`; `{type_name}` takes {known}"
        )
    hints = {
        "nullable": "did you mean `null`?",
        "optional": "did you mean `null`?",
        "required": "remove it: a field is required unless it is `null`",
    }
    if "len" in allowed and re.fullmatch("[0-9-]+", modifier):
        hints[modifier] = f"did you mean `len={modifier}`?"
    raise CofeeError(
        f"`{name}`: the modifier {quote(modifier)} is unknown; `{type_name}` takes {known}",
        hint=hints.get(modifier) or did_you_mean(modifier, allowed),
    )


def _with_argument(field: Field, scope: Scope) -> Field:
    """Return a field with the argument that its type has if none is given."""
    usual = scope.facts.types[field.type].argument_default
    return field if usual.keys() & {*field.given} else replace(field, **usual)


def _check_keys(field: Field, scope: Scope) -> None:
    """Reject keys of a file that are unknown, or belong to other types."""
    entry = scope.facts.types[field.type]
    argument = scope.facts.argument_keys.get(entry.argument, ())
    _require_known(field.name, field.extra, entry)
    modifiers = {key: modifier for modifier, keys in MODIFIER_KEYS.items() for key in keys}
    for key in field.given:
        if key in (*argument, *entry.keys, "enum" if "values" in argument else ""):
            continue
        if key in modifiers:
            check_modifier(field.name, field.type, modifiers[key], scope)
        elif key in KEYS:
            raise CofeeError(
                f"`{field.name}`: `{field.type}` cannot have {quote(key)}", hint="remove the key"
            )
    missing = [key for key in argument if key not in field.given]
    if missing:
        raise CofeeError(f"`{field.name}`: `{field.type}` needs {listing(missing)}")


def _require_known(name: str, extra: Iterable[str], entry: FieldType) -> None:
    for key in extra:
        if key not in entry.keys:
            raise CofeeError(
                f"{quote(name)}: the key {quote(key)} is unknown; keys are {listing(KEYS)}",
                hint=did_you_mean(key, KEYS),
            )


def _check_argument(field: Field, scope: Scope) -> None:
    argument = scope.facts.types[field.type].argument
    if argument == "precision":
        bounds.check_precision(field)
    elif argument == "values":
        _check_choices(field)
    elif argument == "items":
        _check_items(field, scope)
    elif argument == "media_types":
        _check_media_types(field, scope)
    elif argument == "dimension":
        _check_dimension(field, scope)


def _check_choices(field: Field) -> None:
    for value in field.values:
        if not CHOICE.fullmatch(value):
            raise CofeeError(
                f"`{field.name}`: the value {quote(value)} is not allowed; "
                "values are letters a-z and A-Z, digits, `_`, `-`, `.` and single spaces",
            )
    repeated = [value for value in field.values if field.values.count(value) > 1]
    if repeated:
        raise CofeeError(
            f"`{field.name}`: the value `{repeated[0]}` is listed twice", hint="list it once"
        )
    if field.labels and tuple(field.labels) != field.values:
        raise CofeeError(
            f"`{field.name}`: the labels must be one for each of {listing(field.values)}, "
            "in their order"
        )
    for label in field.labels.values():
        if not label.isprintable() or label != label.strip() or not label or "," in label:
            raise CofeeError(
                f"`{field.name}`: the label {quote(label)} must be text on one line, without "
                "commas and surrounding spaces"
            )


def _check_media_types(field: Field, scope: Scope) -> None:
    given = field.extra.get("media_types")
    for media_type in given if isinstance(given, list) else [given]:
        if not isinstance(media_type, str) or not MEDIA_TYPE.fullmatch(media_type):
            raise CofeeError(
                f"`{field.name}`: {quote(media_type)} must be a media type in lower case, such as "
                "`image/png`"
            )
    if field.to != scope.facts.types[field.type].target:
        raise CofeeError(
            f"`{field.name}`: `{field.type}` cannot refer to {quote(field.to)}",
            hint=f"write `to: {scope.facts.types[field.type].target}`",
        )


def _check_dimension(field: Field, scope: Scope) -> None:
    """Reject vectors that no index can have, and those without which no row could be written."""
    entry, dimension = scope.facts.types[field.type], field.extra.get("dimension")
    if not isinstance(dimension, int) or dimension not in range(1, int(str(entry.greatest)) + 1):
        raise CofeeError(
            f"`{field.name}`: the dimension must be 1 to {entry.greatest}, not {quote(dimension)}",
            hint="it is that of the model that computes the vectors",
        )
    if not field.nullable:
        raise CofeeError(
            f"`{field.name}`: a vector must be `null`, because it is computed from its row",
            hint="remove `nullable: false`",
        )


def _check_items(field: Field, scope: Scope) -> None:
    known = scope.facts.types[field.type].items
    if field.items not in known:
        raise CofeeError(
            f"`{field.name}`: a list cannot hold {quote(field.items)}; "
            f"it holds one of {listing(known)}",
            hint=did_you_mean(str(field.items), known),
        )


def _check_access(field: Field) -> None:
    """Reject a `readonly` field without a first value, and a `writeonly` one that lists reveal."""
    if field.readonly and field.writeonly:
        raise CofeeError(f"`{field.name}`: it must not be both `readonly` and `writeonly`")
    if field.readonly and not field.nullable and field.default is None:
        raise CofeeError(
            f"`{field.name}`: a `readonly` field must be `null` or have a default, "
            "because no client sends its first value",
            hint="add `:null` or `:default=…`",
        )
    shown = [modifier for modifier in ("unique", "filter", "sort") if getattr(field, modifier)]
    if field.writeonly and shown:
        raise CofeeError(
            f"`{field.name}`: a `writeonly` field must not have {listing(shown)}, "
            "which would reveal its values",
            hint="remove it",
        )


def check_json_name(field: Field, facts: Facts) -> None:
    """Reject a name for clients that is none, or that every row or list has."""
    name = field.json_name
    if name is None:
        return
    if not JSON_NAME.fullmatch(name):
        raise CofeeError(
            f"`{field.name}`: {quote(name)} is not a name in JSON; a-z, A-Z, 0-9 and single "
            "underscores are allowed, at most 63 characters, the first a letter",
            hint=f"`as={field.name}` is what it is without `as`",
        )
    if name == field.name:
        raise CofeeError(f"`{field.name}` is its name in JSON without `as`", hint="remove `as`")
    reason = facts.conflict("json", name)
    if reason is None and field.filter:
        reason = facts.conflict("filters", name)
    if reason is not None:
        raise CofeeError(
            f"`{field.name}`: {quote(name)} cannot be its name in JSON: it is {reason}",
            hint="choose another name after `as=`",
        )


def check_reference(field: Field, scope: Scope) -> None:
    """Reject a reference that no row could satisfy."""
    if field.to is None:
        return
    if field.to not in (scope.module, *scope.modules, *scope.facts.targets):
        raise _unknown_module(field.name, field.to, scope)
    built_in = None if field.to in scope.modules else scope.facts.targets.get(field.to)
    if built_in and built_in.type not in (None, field.type):
        raise CofeeError(
            f"`{field.name}`: `{field.type}` cannot refer to `{field.to}`; `{built_in.type}` can",
            hint=f"write `{field.name}:{built_in.type}:…`",
        )
    if field.expand and field.to not in {scope.module, *scope.modules} - {*scope.later}:
        raise CofeeError(
            f"`{field.name}`: `{field.to}` cannot be expanded, because it is listed after "
            f"`{scope.module}` or not every client can see its rows",
            hint="remove `expand`",
        )
    if scope.facts.is_link(field.type):
        return
    if field.to == scope.module and not field.nullable:
        raise CofeeError(
            f"`{field.name}`: a reference to its own module must be optional, "
            "because the first row has nothing to refer to",
            hint="add `:null`",
        )
    if field.to in scope.later and not field.nullable:
        raise CofeeError(
            f"`{field.name}`: `{field.to}` is listed after `{scope.module}`, "
            "so the reference must be optional",
            hint="add `:null`",
        )
    _check_deletion(field)


def _check_deletion(field: Field) -> None:
    rule = field.on_delete or ON_DELETE[0]
    if rule not in ON_DELETE:
        raise CofeeError(
            f"`{field.name}`: the on_delete {quote(rule)} is unknown; "
            f"it is one of {listing(ON_DELETE)}",
            hint=did_you_mean(rule, ON_DELETE),
        )
    if rule == "set_null" and not field.nullable:
        raise CofeeError(
            f"`{field.name}`: a required reference cannot become null when its target is deleted",
            hint="add `:null`, or use `on_delete=restrict` or `on_delete=cascade`",
        )


def check_type_change(old: Field, new: Field, facts: Facts) -> None:
    """Reject a change from or to links of rows, or to links of others."""
    if (old.type, old.to) == (new.type, new.to):
        return
    if not (facts.is_link(old.type) or facts.is_link(new.type)):
        return
    raise CofeeError(
        f"`{old.name}`: links to rows cannot become another type, and no other type links",
        hint="remove the field and add a new one",
    )


def _unknown_module(name: str, target: str, scope: Scope) -> CofeeError:
    known = sorted({*scope.modules, scope.module})
    plural = plural_of(target)
    meant = f"did you mean `{plural}`?" if plural in known else did_you_mean(target, known)
    makes = "add that module first with `cofee new-module`"
    if brought := scope.facts.brings(target):
        makes = f"{makes}; of the {target} of `{brought}`, store the id in a `uuid` field"
    return CofeeError(
        f"`{name}`: there is no module {quote(target)} to refer to; modules are {listing(known)}",
        hint=meant or makes,
    )
