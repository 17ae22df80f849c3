"""The shape of modules and fields as a person writes them: in a file, an option or the answers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.files import load_yaml, reason
from cofee.spec.facts import Facts
from cofee.spec.record import FLAG_KEYS, KEYS, RULES

PLAIN_KEYS = ("name", "entity", "fields")
MODULE_KEYS = (*PLAIN_KEYS, *RULES)
TEXTS = ("name", "type", "items", "to", "on_delete", "pattern", "counterexample")
WHOLES = ("precision", "scale", "min_length", "max_length")
LISTS = ("values", "examples")
# What a kind of key must be, and how a refusal says so.
KINDS: tuple[tuple[tuple[str, ...], type, str], ...] = (
    (TEXTS, str, "text"),
    (WHOLES, int, "a whole number"),
    (LISTS, list, "a list"),
    (tuple(FLAG_KEYS.values()), bool, "true or false"),
)
RULE_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "owned_by": ((str,), "`user` or `project`"),
    "unique_together": ((list, list, str), "a list of lists of field names"),
    "indexes": ((list, list, str), "a list of lists of field names"),
    "checks": ((list, str), "a list of conditions"),
    "examples": ((list, dict), "a list of rows"),
    "routes": ((list, str), "a list of routes"),
    "search": ((list, str), "a list of field names"),
    "deletion": ((str,), "`soft` or `hard`"),
    "versioned": ((bool,), "true or false"),
}


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that must hold a mapping.

    Raises:
        CofeeError: it cannot be read, or holds something else.
    """
    try:
        loaded = load_yaml(path.read_bytes(), path=str(path))
    except OSError as error:
        raise CofeeError(f"{quote(path)} cannot be read: {reason(error)}") from error
    if not isinstance(loaded, dict):
        raise CofeeError(f"{quote(path)} must hold a mapping of names to values")
    return loaded


def read_module(path: Path) -> tuple[list[Any], dict[str, Any]]:
    """Return the fields and rules in a file of `--from`; what they say is checked later.

    Raises:
        CofeeError: the file holds no list of `fields`, or what nobody would read.
    """
    loaded = read_mapping(path)
    for key in loaded:
        if key not in MODULE_KEYS:
            raise CofeeError(
                f"{quote(path)}: the key {quote(key)} is unknown; keys are {listing(MODULE_KEYS)}",
                hint=did_you_mean(str(key), MODULE_KEYS),
            )
    found = loaded.get("fields")
    if not isinstance(found, list):
        raise CofeeError(
            f"{quote(path)}: `fields` is {quote(found)}, and must be a list of fields",
            hint="an empty list, `fields: []`, makes a module without fields",
        )
    _check_rules(loaded, quote(path))
    return found, {key: loaded[key] for key in RULES if loaded.get(key) is not None}


def check_modules(modules: object, where: str) -> list[dict[str, Any]]:
    """Return recorded modules once their shape is known to be right.

    Whether a field is possible is the template's to say; this is what code must be able to rely on.

    Raises:
        CofeeError: the first thing that is no module, no field or no value of its key.
    """
    if not isinstance(modules, list):
        raise CofeeError(f"`modules` in {where} must be a list of module records")
    for number, module in enumerate(modules, start=1):
        _check_module(module, f"`modules` in {where}: number {number}")
    return modules


def check_keys(modules: Sequence[Mapping[str, Any]], facts: Facts, where: str) -> None:
    """Refuse keys of modules that the template would not read.

    Args:
        facts: the template's; it can have rules that this command does not know.

    Raises:
        CofeeError: a key is misspelt, or a rule of another version of the template.
    """
    for number, module in enumerate(modules, start=1):
        which = f"`modules` in {where}: number {number}, `{module['name']}`"
        _require_known(module, (*PLAIN_KEYS, *facts.rules), which)


def _require_known(record: Mapping[str, Any], known: Sequence[str], which: str) -> None:
    for key in record:
        if key not in known:
            raise CofeeError(
                f"{which} has the unknown key {quote(key)}",
                hint=did_you_mean(str(key), known) or f"keys are {listing(known)}",
            )


def _check_module(module: object, which: str) -> None:
    if not isinstance(module, dict):
        raise CofeeError(f"{which} is {quote(module)}, and no module record")
    for key in ("name", "entity"):
        if not isinstance(module.get(key), str) or not module[key]:
            raise CofeeError(f"{which} has the {key} {quote(module.get(key))}, which must be text")
    found = module.get("fields")
    if not isinstance(found, list):
        raise CofeeError(f"{which}, `{module['name']}`: its `fields` must be a list, `[]` for none")
    for field in found:
        _check_field(field, f"{which}, `{module['name']}`")
    _check_rules(module, f"{which}, `{module['name']}`")


def _check_rules(module: Mapping[str, Any], which: str) -> None:
    for key, (kinds, words) in RULE_KINDS.items():
        value = module.get(key)
        if value is not None and not _is_nested(value, kinds):
            raise CofeeError(f"{which} has the {key} {quote(value)}, which must be {words}")


def _is_nested(value: object, kinds: tuple[type, ...]) -> bool:
    """Tell whether a value is of the first kind, and what it holds is of those that follow."""
    kind, *rest = kinds
    if not isinstance(value, kind):
        return False
    return not rest or all(_is_nested(one, tuple(rest)) for one in cast(list[Any], value))


def _check_field(field: object, which: str) -> None:
    if not isinstance(field, Mapping):
        raise CofeeError(f"{which}: {quote(field)} is no field record")
    for key in ("name", "type"):
        if not field.get(key):
            raise CofeeError(f"{which}: a field has no `{key}`")
    which = f"{which}: the field {quote(field['name'])}"
    _require_known(field, KEYS, which)
    for keys, kind, words in KINDS:
        for key in keys:
            value = field.get(key)
            if value is not None and not (isinstance(value, kind) and _is_whole(value, kind)):
                raise CofeeError(f"{which} has the {key} {quote(value)}, which must be {words}")
    _check_values(field, which)


def _is_whole(value: object, kind: type) -> bool:
    """Python counts true as a whole number; a person does not."""
    return kind is not int or not isinstance(value, bool)


def _check_values(field: Mapping[str, Any], which: str) -> None:
    for key in ("default", "min", "max"):
        value = field.get(key)
        infinite = isinstance(value, float) and not math.isfinite(value)
        if isinstance(value, list | dict) or infinite or str(value).lower() in _no_numbers(field):
            raise CofeeError(f"{which} has the {key} {quote(value)}, which is no value of it")
    try:
        re.compile(field.get("pattern") or "")
    except (re.error, OverflowError, RecursionError) as error:
        raise CofeeError(f"{which} has a pattern that is none: {error}") from error


def _no_numbers(field: Mapping[str, Any]) -> tuple[str, ...]:
    return ("nan", "inf", "-inf", "infinity") if field["type"] in ("decimal", "float") else ()
