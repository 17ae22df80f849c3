"""The shape of a field record, and which of its keys each argument and modifier writes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Required, TypedDict

from cofee.errors import CofeeError, did_you_mean, quote
from cofee.spec.facts import Facts


class FieldRecord(TypedDict, total=False):
    """One field of a module, as the answers file keeps it; what is not set is absent."""

    name: Required[str]
    type: Required[str]
    precision: int
    scale: int
    values: list[str]
    items: str
    to: str
    nullable: bool
    unique: bool
    index: bool
    filter: bool
    sort: bool
    default: Any
    min: Any
    max: Any
    min_length: int
    max_length: int
    pattern: str
    examples: list[str]
    counterexample: str
    on_delete: str


class ModuleRules(TypedDict, total=False):
    """What a module obeys as a whole; what is not set is absent.

    `examples` are the values of two rows that satisfy the checks, where plain samples would not.
    """

    owned_by: str
    unique_together: list[list[str]]
    indexes: list[list[str]]
    checks: list[str]
    examples: list[dict[str, Any]]
    routes: list[str]
    search: list[str]
    deletion: str
    versioned: bool


# The order of a record's keys, so that answers files read alike and differences stay small.
KEYS = tuple(FieldRecord.__annotations__)
RULES = tuple(ModuleRules.__annotations__)

# The routes of a module, in the order in which they stand in its router.
ROUTES = ("create", "list", "read", "replace", "update", "delete")
DELETIONS = ("soft", "hard")

ARGUMENT_KEYS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "precision": ("precision", "scale"),
    "values": ("values",),
    "items": ("items",),
    "module": ("to",),
}

FLAG_KEYS: Mapping[str, str] = {
    "null": "nullable",
    "unique": "unique",
    "index": "index",
    "filter": "filter",
    "sort": "sort",
}

MODIFIER_KEYS: Mapping[str, tuple[str, ...]] = {
    **{modifier: (key,) for modifier, key in FLAG_KEYS.items()},
    "default": ("default",),
    "min": ("min",),
    "max": ("max",),
    "len": ("min_length", "max_length"),
    "on_delete": ("on_delete",),
    "pattern": ("pattern", "examples", "counterexample"),
}

ON_DELETE = ("restrict", "cascade", "set_null")


@dataclass(frozen=True)
class Scope:
    """What a field's rules depend on beside the field itself.

    Attributes:
        modules: the modules that a reference may name beside its own, in the order of the answers.
        module: its own, which is the last one where `modules` leaves it out.
    """

    facts: Facts
    modules: Collection[str]
    module: str

    @property
    def later(self) -> list[str]:
        """List the modules that stand behind the field's own."""
        listed = list(self.modules)
        return listed[listed.index(self.module) + 1 :] if self.module in listed else []

    def argument(self, type_name: str) -> str:
        """Say which argument a type takes."""
        return str(self.facts.types[type_name].get("argument", "none"))

    def kind(self, type_name: str) -> str:
        """Say how a type's default and bounds are read."""
        return str(self.facts.types[type_name].get("value", "none"))

    def modifiers(self, type_name: str) -> tuple[str, ...]:
        """List a type's modifiers; YAML reads an unquoted `null` in the table as nothing."""
        found = self.facts.types[type_name].get("modifiers", ())
        return tuple("null" if modifier is None else str(modifier) for modifier in found)


def find_field(module: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the record of a module's field.

    Raises:
        CofeeError: there is none; the nearest is named.
    """
    known = {record["name"]: record for record in module["fields"]}
    if name in known:
        found: Mapping[str, Any] = known[name]
        return found
    raise CofeeError(
        f"the module `{module['name']}` has no field {quote(name)}",
        hint=did_you_mean(str(name).removesuffix("_id"), known),
    )


def column_of(record: Mapping[str, Any]) -> str:
    """Name the column of a field; a reference's ends in `_id`, and `tags` are `tag_ids`."""
    name = str(record["name"])
    if record.get("type") == "many":
        return f"{_singular(name)}_ids"
    return f"{name}_id" if "to" in record else name


def _singular(name: str) -> str:
    """Take a plural's ending off exactly as the template does."""
    name = re.sub(r"(ss|x|ch|sh)es$", r"\1", re.sub(r"ies$", "y", name))
    return re.sub(r"([^su])s$", r"\1", name)
