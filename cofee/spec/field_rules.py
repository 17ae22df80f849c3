"""What makes a field possible: every rule, whether it came from a specification or from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec import bounds
from cofee.spec.names import check_column_name, check_field_name
from cofee.spec.patterns import complete_pattern
from cofee.spec.record import (
    ARGUMENT_KEYS,
    FLAG_KEYS,
    KEYS,
    MODIFIER_KEYS,
    ON_DELETE,
    FieldRecord,
    Scope,
    column_of,
)

SYNONYMS = {
    "bigserial": "bigint",
    "blob": "bytes",
    "boolean": "bool",
    "char": "str",
    "choice": "enum",
    "double": "float",
    "duration": "interval",
    "fk": "ref",
    "foreign_key": "ref",
    "integer": "int",
    "jsonb": "json",
    "money": "decimal",
    "number": "decimal",
    "numeric": "decimal",
    "references": "ref",
    "string": "str",
    "timedelta": "interval",
    "timestamp": "datetime",
    "varchar": "str",
}

CHOICE = re.compile(r"[A-Za-z0-9_.-]{1,255}")

# The folders that options of a template bring along, and no record describes.
OF_OPTIONS = {
    "users": "the users of `auth: jwt`",
    "projects": "the projects of `isolation: project`",
}


def complete(raw: Mapping[str, Any], scope: Scope) -> FieldRecord:
    """Check one field and give its record: values read, keys in order, what is unset left out.

    Raises:
        CofeeError: the first thing that is wrong with it.
    """
    record = {key: raw[key] for key in raw if raw[key] is not None and raw[key] is not False}
    if raw.get("default") is False:
        record["default"] = False
    check_name(record)
    check_type(record, scope)
    _check_keys(record, scope)
    _check_flags(record)
    _check_argument(record, scope)
    bounds.check_lengths(record, scope)
    bounds.read_values(record, scope)
    bounds.check_bounds(record, scope)
    complete_pattern(record, scope)
    check_reference(record, scope)
    check_constraints(scope.module, record)
    return cast(FieldRecord, {key: record[key] for key in KEYS if key in record})


def check_constraints(module: str, record: Mapping[str, Any]) -> None:
    """Refuse a field whose column, or table of links, would have names that are too long."""
    if record["type"] == "many":
        check_column_name(f"{module}__{record['name']}", "other_id")
    else:
        check_column_name(module, column_of(record))


def check_name(record: Mapping[str, Any]) -> None:
    """Refuse a field without a name, or with a reserved one."""
    name = record.get("name")
    if not isinstance(name, str) or not name:
        raise CofeeError("a field has no name; it needs a `name` and a `type`")
    check_field_name(name, filterable="filter" in record, reference="to" in record)


def check_type(record: Mapping[str, Any], scope: Scope) -> None:
    """Refuse a type that the template does not know."""
    name, wanted = record["name"], record.get("type")
    if not isinstance(wanted, str):
        raise CofeeError(f"{quote(name)}: it has no type; types are {listing(scope.facts.types)}")
    if wanted not in scope.facts.types:
        meant = SYNONYMS.get(wanted.lower(), "")
        hint = f"did you mean `{meant}`?" if meant in scope.facts.types else None
        raise CofeeError(
            f"{quote(name)}: the type {quote(wanted)} is unknown; "
            f"types are {listing(scope.facts.types)}",
            hint=hint or did_you_mean(wanted, scope.facts.types),
        )


def check_modifier(name: str, type_name: str, modifier: str, scope: Scope) -> None:
    """Refuse a modifier that does not exist, or that the type does not take."""
    allowed = scope.modifiers(type_name)
    if modifier in allowed:
        return
    what = f"`{type_name}` takes {listing(allowed)}" if allowed else f"`{type_name}` takes none"
    if modifier in MODIFIER_KEYS:
        raise CofeeError(f"`{name}`: `{type_name}` cannot have `{modifier}`; {what}")
    hints = {
        "nullable": "did you mean `null`?",
        "optional": "did you mean `null`?",
        "required": "leave it out: a field is required unless it is `null`",
    }
    raise CofeeError(
        f"`{name}`: the modifier {quote(modifier)} is unknown; {what}",
        hint=hints.get(modifier) or did_you_mean(modifier, allowed),
    )


def _check_keys(record: Mapping[str, Any], scope: Scope) -> None:
    """Refuse keys of a file that are unknown, or belong to other types."""
    name, type_name = record["name"], record["type"]
    argument = ARGUMENT_KEYS.get(scope.argument(type_name), ())
    owners = {key: modifier for modifier, keys in MODIFIER_KEYS.items() for key in keys}
    for key in record:
        if key in ("name", "type", *argument):
            continue
        if key in owners:
            check_modifier(name, type_name, owners[key], scope)
        elif key in KEYS:
            raise CofeeError(f"`{name}`: `{type_name}` cannot have {quote(key)}")
        else:
            raise CofeeError(
                f"`{name}`: the key {quote(key)} is unknown; keys are {listing(KEYS)}",
                hint=did_you_mean(str(key), KEYS),
            )
    missing = [key for key in argument if key not in record]
    if missing:
        raise CofeeError(f"`{name}`: `{type_name}` needs {listing(missing)}")


def _check_flags(record: Mapping[str, Any]) -> None:
    for key in FLAG_KEYS.values():
        if record.get(key, True) is not True:
            raise CofeeError(
                f"`{record['name']}`: `{key}` is {quote(record[key])}, and must be true or false"
            )


def _check_argument(record: dict[str, Any], scope: Scope) -> None:
    argument = scope.argument(record["type"])
    if argument == "precision":
        bounds.check_precision(record)
    elif argument == "values":
        _check_choices(record)
    elif argument == "items":
        _check_items(record, scope)


def _check_choices(record: Mapping[str, Any]) -> None:
    name, values = record["name"], record["values"]
    if not isinstance(values, list) or not values:
        raise CofeeError(f"`{name}`: the values must be a list with at least one")
    for value in values:
        if not isinstance(value, str) or not CHOICE.fullmatch(value):
            raise CofeeError(
                f"`{name}`: the value {quote(value)} is not allowed; "
                "values are text of letters, digits, `_`, `-` and `.`, without accents",
                hint=None if isinstance(value, str) else "put it into quotes",
            )
    repeated = [value for value in values if values.count(value) > 1]
    if repeated:
        raise CofeeError(f"`{name}`: the value `{repeated[0]}` is listed twice")


def _check_items(record: Mapping[str, Any], scope: Scope) -> None:
    known = item_types(record["type"], scope)
    if record["items"] not in known:
        raise CofeeError(
            f"`{record['name']}`: a list cannot hold {quote(record['items'])}; "
            f"it holds one of {listing(known)}",
            hint=did_you_mean(str(record["items"]), known),
        )


def item_types(type_name: str, scope: Scope) -> list[str]:
    """List what the table lets a list hold."""
    return [str(item) for item in scope.facts.types[type_name].get("items", ())]


def check_reference(record: Mapping[str, Any], scope: Scope) -> None:
    """Refuse a reference that no row could satisfy."""
    if scope.argument(record["type"]) != "module":
        return
    name, target = record["name"], record["to"]
    if target != scope.module and target not in scope.modules:
        raise _unknown_module(name, target, scope)
    if record["type"] == "many":
        return
    required = "nullable" not in record
    if target == scope.module and required:
        raise CofeeError(
            f"`{name}`: a reference to its own module must be optional, "
            "or the first row could never be made",
            hint="add `:null`",
        )
    if target in scope.later and required:
        raise CofeeError(
            f"`{name}`: `{target}` is listed after `{scope.module}`, so that it may refer to it, "
            "and a reference to it must be optional",
            hint="add `:null`",
        )
    rule = record.get("on_delete", ON_DELETE[0])
    if rule not in ON_DELETE:
        raise CofeeError(
            f"`{name}`: the on_delete {quote(rule)} is unknown; it is one of {listing(ON_DELETE)}",
            hint=did_you_mean(str(rule), ON_DELETE),
        )
    if rule == "set_null" and required:
        raise CofeeError(
            f"`{name}`: a required reference cannot become null when its target is deleted",
            hint="add `:null`, or use `on_delete=restrict` or `on_delete=cascade`",
        )


def check_type_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to make something else of links, or links of something else."""
    if "many" not in (old["type"], new["type"]):
        return
    raise CofeeError(
        f"`{old['name']}`: links of rows cannot become anything else, nor anything else links",
        hint="remove the field, and add the new one",
    )


def _unknown_module(name: str, target: object, scope: Scope) -> CofeeError:
    known = sorted({*scope.modules, scope.module})
    makes = "make that module first: `cofee new-module`"
    if brought := OF_OPTIONS.get(str(target)):
        makes = f"{makes}; of {brought}, keep their id in a `uuid` field"
    return CofeeError(
        f"`{name}`: there is no module {quote(target)} to refer to; modules are {listing(known)}",
        hint=did_you_mean(str(target), known) or makes,
    )
