"""Names that generated code needs, each group with the reason for the message.

The lists are explicit, because importing Pydantic and SQLAlchemy would take longer than a whole
command. Tests compare the lists with the installed libraries.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cofee.spec.facts import Facts


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYWORDS = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)

# Lowercase builtins, without those of the interactive shell such as `license` and `help`.
BUILTINS = _words(
    """
    abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod
    compile complex delattr dict dir divmod enumerate eval exec filter float format frozenset
    getattr globals hasattr hash hex id input int isinstance issubclass iter len list locals map
    max memoryview min next object oct open ord pow print property range repr reversed round set
    setattr slice sorted staticmethod str sum super tuple type vars zip
    """
)

PYDANTIC = _words(
    """
    construct copy dict from_orm json model_computed_fields model_config model_construct model_copy
    model_extra model_fields model_fields_set model_json_schema model_parametrized_name
    model_post_init model_rebuild parse_file parse_obj parse_raw schema schema_json
    update_forward_refs validate
    """
)

# Pydantic reserves these prefixes, not every `model_…`: `model_year` is allowed.
PYDANTIC_BEGINNINGS = ("model_dump", "model_validate")

SQLALCHEMY = frozenset({"metadata", "registry"})

# SQL keywords that cannot name a column without double quotes.
SQL = _words(
    """
    all analyse analyze and any array as asc asymmetric authorization between binary both by case
    cast check collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user default
    deferrable delete desc distinct do drop else end escape except exists false fetch for foreign
    freeze from full grant group having ilike in index initially inner insert intersect into is
    isnull join lateral leading left like limit localtime localtimestamp natural not notnull null
    offset on only or order outer overlaps placing primary references returning right select
    session_user set similar some symmetric system_user table tablesample then to trailing
    transaction true union unique update user using values variadic verbose when where window with
    """
)

# The template states further groups, with these reasons.
STATED = {
    "columns": "a column that every table has",
    "imported": "a name that generated classes refer to",
}
FIELD_GROUPS: Mapping[str, frozenset[str]] = {
    "a Python keyword": KEYWORDS,
    "an attribute of every SQLAlchemy model": SQLALCHEMY,
    "an attribute of every Pydantic model": PYDANTIC,
    "a builtin of Python that generated code uses": BUILTINS,
    "what every method calls its object": frozenset({"cls", "self"}),
}

TESTS = "Test"  # the prefix of classes that pytest collects as tests

# Alternatives for common names; other names get a suffix.
BETTER_FIELDS = {
    "class": "category",
    "copy": "copy_text",
    "created_at": "recorded_at",
    "cursor": "cursor_mark",
    "from": "source",
    "id": "external_id",
    "is_deleted": "is_archived",
    "json": "document",
    "limit": "max_count",
    "metadata": "details",
    "schema": "layout",
    "sort": "sort_order",
    "type": "kind",
    "updated_at": "changed_at",
    "uuid": "external_id",
}


def field_reason(name: str, facts: Facts) -> str | None:
    """Return what a field name conflicts with, if anything."""
    if name.startswith(PYDANTIC_BEGINNINGS):
        return "an attribute of every Pydantic model"
    stated = {reason: facts.reserved[group] for group, reason in STATED.items()}
    groups = {**FIELD_GROUPS, **stated}
    return next((reason for reason, names in groups.items() if name in names), None)


def better_field(name: str) -> str:
    """Return an available name with the same meaning."""
    if name.startswith("model_"):
        return f"{name.removeprefix('model_')}_value"
    return BETTER_FIELDS.get(name, f"{name}_value")


def entity_reason(entity: str, singular: str, facts: Facts) -> str | None:
    """Return what a class name, or the variable named after it, conflicts with."""
    if entity in facts.reserved["classes"]:
        return "a class that generated code uses"
    if entity.startswith(TESTS):
        return f"what pytest collects, as every class that begins with `{TESTS}`"
    if singular in KEYWORDS:
        return "a Python keyword once it names a variable"
    if singular in BUILTINS:
        return "a builtin of Python once it names a variable"
    return None
