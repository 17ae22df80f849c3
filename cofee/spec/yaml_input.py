"""YAML files with answers or with a module, as a user writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.files import load_yaml, reason
from cofee.spec.facts import Facts
from cofee.spec.record import PLAIN_KEYS


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that must hold a mapping.

    Raises:
        CofeeError: it cannot be read, or holds something else.
    """
    try:
        loaded = load_yaml(path.read_bytes(), path=str(path))
    except OSError as error:
        raise CofeeError(
            f"{quote(path)} cannot be read: {reason(error)}",
            hint="check the path and its permissions",
        ) from error
    if not isinstance(loaded, dict):
        raise CofeeError(f"{quote(path)} must contain a mapping of names to values")
    return loaded


def read_module(path: Path, facts: Facts) -> tuple[list[Any], dict[str, object]]:
    """Return the fields and rules in a file of `--from`; the gate checks them.

    Raises:
        CofeeError: the file has no list of `fields`, or an unknown key.
    """
    loaded = read_mapping(path)
    known = (*PLAIN_KEYS, *facts.rules)
    for key in loaded:
        if key not in known:
            raise CofeeError(
                f"{quote(path)}: the key {quote(key)} is unknown; keys are {listing(known)}",
                hint=did_you_mean(str(key), known),
            )
    found = loaded.get("fields")
    if not isinstance(found, list):
        raise CofeeError(
            f"{quote(path)}: `fields` is {quote(found)}, and must be a list of fields",
            hint="use `fields: []` for a module without fields",
        )
    return found, {key: loaded[key] for key in facts.rules if loaded.get(key) is not None}
