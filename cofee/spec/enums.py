"""Enums that fields of several modules share: the same name, values and labels in each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Module

NAME = re.compile(r"[A-Z][A-Za-z]*[a-z][A-Za-z]*")


def known(modules: Iterable[Module]) -> dict[str, Field]:
    """Return the first field with values of each shared enum, by the name of the enum."""
    fields = [field for module in modules for field in module.fields if field.values]
    return {field.enum: field for field in reversed(fields) if field.enum is not None}


def redefined(field: Field, enums: Mapping[str, Field]) -> Field:
    """Return a field with the values and labels that its enum gets."""
    if field.enum is None or field.enum not in enums:
        return field
    new = enums[field.enum]
    return replace(field, values=new.values, labels=new.labels)


def resolved(field: Field, enums: Mapping[str, Field]) -> Field:
    """Return a field with the values and labels of its enum.

    Args:
        field: it may have values of its own if its enum is not known.

    Raises:
        CofeeError: the enum is unknown, or has other values or labels.
    """
    if field.enum is None:
        return field
    if field.enum not in enums:
        if field.values:
            return field
        raise CofeeError(
            f"`{field.name}`: there is no enum {quote(field.enum)}",
            hint=did_you_mean(field.enum, enums)
            or f"give it values: `{field.name}:enum:@{field.enum}=draft,paid`",
        )
    same = enums[field.enum]
    if not field.values and not field.labels:
        return redefined(field, enums)
    if (field.values, field.labels) != (same.values, same.labels):
        raise CofeeError(
            f"`{field.name}`: the enum `{field.enum}` has the values {listing(same.values)}"
            + (f" with the labels {listing(same.labels.values())}" if same.labels else ""),
            hint=f"`cofee change-field MODULE {field.name}:enum:@{field.enum}=…` changes them in "
            "all modules",
        )
    return field


def check_name(field: Field, module: str, facts: Facts) -> None:
    """Reject a name of an enum that generated code cannot have, or an older template."""
    if field.enum is None:
        return
    if module in facts.targets:
        raise CofeeError(
            f"`{field.name}`: fields of `{module}` cannot share an enum",
            hint=f"write its values: `{field.name}:enum:draft,paid`",
        )
    if "enum" not in facts.types[field.type].keys:
        raise CofeeError(
            f"`{field.name}`: the template of this service does not support shared enums",
            hint="run `cofee update` first",
        )
    if not NAME.fullmatch(field.enum):
        raise CofeeError(
            f"`{field.name}`: {quote(field.enum)} cannot name an enum: it must be letters in camel "
            "case, such as `OrderStatus`"
        )
    if reason := facts.conflict("enums", field.enum):
        raise CofeeError(
            f"`{field.name}`: `{field.enum}` cannot name an enum: it is {reason}",
            hint=f"try `{field.enum}Kind`",
        )


def check_apart(modules: Iterable[Module], facts: Facts) -> None:
    """Reject enums with the name of a class of a module.

    Raises:
        CofeeError: the first of them.
    """
    modules = list(modules)
    classes = {name: module.name for module in modules for name in facts.classes_of(module.entity)}
    for name, field in known(modules).items():
        if name in classes:
            raise CofeeError(
                f"`{field.name}`: `{name}` cannot name an enum: it is a class of `{classes[name]}`",
                hint=f"try `{name}Kind`",
            )
