"""What tells the rows of a module apart that have to be unique together, in tests and for good."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cofee.errors import CofeeError, quote
from cofee.spec import bounds, field_rules
from cofee.spec.record import Scope

Record = Mapping[str, Any]


def require_several(module: Record, names: Sequence[str], types: Mapping[str, Any]) -> None:
    """Refuse fields that are unique together where each of them has one possible value."""
    if all(_is_single(field, types) for field in _fields(module, names)):
        raise CofeeError(
            f"`unique_together`: {quote(','.join(names))} has one possible value, so a table could "
            "hold one row"
        )


def chosen(
    module: Record, columns: Collection[str], types: Mapping[str, Any]
) -> Iterator[list[str]]:
    """Yield the columns, among those whose values are chosen for the tests, that have to differ.

    Where another field is unique together with them, its two samples do, or its references.
    """
    for names in module.get("unique_together", ()):
        fields = {field_rules.column(field): field for field in _fields(module, names)}
        if all(_is_single(field, types) for name, field in fields.items() if name not in columns):
            yield [name for name in fields if name in columns]


def difference(first: Record, second: Record) -> int:
    """Count the columns in which two rows differ."""
    return sum(first[column] != second[column] for column in first)


def _fields(module: Record, names: Sequence[str]) -> list[Record]:
    return [field for field in module["fields"] if field["name"] in names]


def _is_single(field: Record, types: Mapping[str, Any]) -> bool:
    return "to" not in field and bounds.is_single(field, Scope(types, (), ""))
