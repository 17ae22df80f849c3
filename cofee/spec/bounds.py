"""The rules of lengths, digits and bounds, and of the default that has to keep to them."""

from __future__ import annotations

import decimal
from collections.abc import Iterator, Mapping
from typing import Any

from cofee.errors import CofeeError, listing, quote
from cofee.spec import values
from cofee.spec.record import Scope

# SQLite keeps a decimal exactly as a scaled 64-bit integer, which holds so many digits.
GREATEST_PRECISION = 18
# The longest VARCHAR that PostgreSQL declares.
LONGEST_TEXT = 10_485_760


def check_precision(record: Mapping[str, Any]) -> None:
    """Refuse a number of digits that no database keeps exactly."""
    name, precision, scale = record["name"], record["precision"], record["scale"]
    if not _is_whole(precision) or not 1 <= precision <= GREATEST_PRECISION:
        raise CofeeError(
            f"`{name}`: {quote(precision)} digits are out of range; "
            f"1 to {GREATEST_PRECISION} are kept exactly"
        )
    if not _is_whole(scale) or not 0 <= scale <= precision:
        raise CofeeError(
            f"`{name}`: {quote(scale)} digits after the point are out of range; "
            f"0 to {precision} of the {precision} digits can stand there"
        )


def check_lengths(record: Mapping[str, Any], scope: Scope) -> None:
    """Refuse a length that is nought, inverted or longer than a column."""
    name = record["name"]
    for key in ("min_length", "max_length"):
        length = record.get(key, 1)
        if not _is_whole(length) or not 1 <= length <= LONGEST_TEXT:
            raise CofeeError(
                f"`{name}`: the length {quote(length)} is out of range; "
                f"it is a whole number from 1 to {LONGEST_TEXT}"
            )
    shortest, longest = length_bounds(record, scope)
    if shortest > longest:
        hint = None if "max_length" in record else f"give a greatest length: `len={shortest}-…`"
        raise CofeeError(
            f"`{name}`: the least length `{shortest}` is above the greatest `{longest}`", hint=hint
        )


def length_bounds(record: Mapping[str, Any], scope: Scope) -> tuple[int, int]:
    """Give the least and the greatest length, the type's own where the field sets none."""
    usual = scope.facts.types[record["type"]].get("max_length", LONGEST_TEXT)
    return record.get("min_length", 0), record.get("max_length", usual)


def read_values(record: dict[str, Any], scope: Scope) -> None:
    """Turn the default and the bounds into what a record keeps."""
    kind = scope.kind(record["type"])
    for key in ("default", "min", "max"):
        if key in record:
            record[key] = _read(record, key, kind)
    if kind == "decimal":
        for key in ("default", "min", "max"):
            if key in record:
                record[key] = _with_digits(record, key)


def check_bounds(record: Mapping[str, Any], scope: Scope) -> None:
    """Refuse bounds that are inverted or beyond the type, and a default outside of them."""
    kind = scope.kind(record["type"])
    for key in ("min", "max", "default"):
        if key in record:
            _check_type_limits(record, key, scope)
    name = record["name"]
    if (
        "min" in record
        and "max" in record
        and _rank(record, kind, "min") > _rank(record, kind, "max")
    ):
        raise CofeeError(f"`{name}`: the min `{record['min']}` is above the max `{record['max']}`")
    _check_default(record, scope)
    if "unique" in record and is_single(record, scope):
        raise CofeeError(
            f"`{name}`: it is unique but has one possible value, so a table could hold one row"
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _read(record: Mapping[str, Any], key: str, kind: str) -> Any:
    try:
        return values.read(kind, record[key])
    except ValueError as error:
        expected = values.EXPECTED.get(kind, "allowed")
        raise CofeeError(
            f"`{record['name']}`: the {key} {quote(record[key])} is not {expected}"
        ) from error


def _with_digits(record: Mapping[str, Any], key: str) -> str:
    """Check a decimal against the field's digits; a default then shows all after the point."""
    text, scale = record[key], record["scale"]
    whole, _, fraction = text.lstrip("-").partition(".")
    fraction = fraction.rstrip("0")
    places = record["precision"] - scale
    if len(fraction) > scale or len(whole.lstrip("0")) > places:
        raise CofeeError(
            f"`{record['name']}`: the {key} `{text}` has too many digits; "
            f"{places} stand before the point and {scale} after it"
        )
    sign = "-" if text.startswith("-") else ""
    if key == "default":
        fraction = fraction.ljust(scale, "0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _rank(record: Mapping[str, Any], kind: str, key: str) -> Any:
    return values.rank(kind, record[key])


def _limits(type_name: str, scope: Scope) -> Iterator[tuple[str, Any]]:
    """Give the type's own limits, ready to compare."""
    kind = scope.kind(type_name)
    for side in ("least", "greatest"):
        limit = scope.facts.types[type_name].get(side)
        if limit is not None:
            yield side, values.rank(kind, values.read(kind, limit))


def _fits_type(type_name: str, value: Any, scope: Scope) -> bool:
    return all(
        value >= limit if side == "least" else value <= limit
        for side, limit in _limits(type_name, scope)
    )


def _check_type_limits(record: Mapping[str, Any], key: str, scope: Scope) -> None:
    kind, type_name = scope.kind(record["type"]), record["type"]
    value = _rank(record, kind, key)
    if _fits_type(type_name, value, scope):
        return
    allowed = dict(_limits(type_name, scope))
    wider = [
        other
        for other in scope.facts.types
        if scope.kind(other) == kind and _fits_type(other, value, scope)
    ]
    raise CofeeError(
        f"`{record['name']}`: the {key} `{record[key]}` is out of range; `{type_name}` holds "
        f"{allowed.get('least', '…')} to {allowed.get('greatest', '…')}",
        hint=f"`{wider[0]}` is wider" if wider else None,
    )


def _check_default(record: Mapping[str, Any], scope: Scope) -> None:
    """Refuse a default that the generated schema would refuse if a client sent it."""
    if "default" not in record:
        return
    kind, name, default = scope.kind(record["type"]), record["name"], record["default"]
    if "values" in record and default not in record["values"]:
        allowed = listing(record["values"])
        raise CofeeError(f"`{name}`: the default {quote(default)} is none of {allowed}")
    if "min" in record and _rank(record, kind, "default") < _rank(record, kind, "min"):
        raise CofeeError(f"`{name}`: the default `{default}` is below the min `{record['min']}`")
    if "max" in record and _rank(record, kind, "default") > _rank(record, kind, "max"):
        raise CofeeError(f"`{name}`: the default `{default}` is above the max `{record['max']}`")
    if kind == "string":
        _check_default_length(record, scope)


def _check_default_length(record: Mapping[str, Any], scope: Scope) -> None:
    shortest, longest = length_bounds(record, scope)
    length = len(record["default"])
    if not shortest <= length <= longest:
        raise CofeeError(
            f"`{record['name']}`: the default {quote(record['default'])} has {length} characters; "
            f"{shortest} to {longest} are allowed"
        )


def is_single(record: Mapping[str, Any], scope: Scope) -> bool:
    """Say whether the bounds leave one value."""
    if len(record.get("values", ())) == 1:
        return True
    kind = scope.kind(record["type"])
    edges = dict(_limits(record["type"], scope))
    low = _rank(record, kind, "min") if "min" in record else edges.get("least")
    high = _rank(record, kind, "max") if "max" in record else edges.get("greatest")
    if kind == "decimal":
        edge = decimal.Decimal(10) ** (record["precision"] - record["scale"])
        step = decimal.Decimal(1).scaleb(-record["scale"])
        low, high = (-edge + step if low is None else low), (edge - step if high is None else high)
    return low is not None and low == high
