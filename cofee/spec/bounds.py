"""Rules for lengths, digits, bounds and defaults."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cofee.errors import CofeeError, listing, quote
from cofee.spec import values
from cofee.spec.record import Field, Scope, Value

# SQLite keeps a decimal exactly as a scaled 64-bit integer, which holds so many digits.
GREATEST_PRECISION = 18
# The longest VARCHAR that PostgreSQL declares.
LONGEST_TEXT = 10_485_760


def check_precision(field: Field) -> None:
    """Reject a number of digits that no database keeps exactly."""
    precision, scale = digits(field)
    if not 1 <= precision <= GREATEST_PRECISION:
        raise CofeeError(
            f"`{field.name}`: {quote(precision)} digits are out of range; "
            f"1 to {GREATEST_PRECISION} are kept exactly"
        )
    if not 0 <= scale <= precision:
        raise CofeeError(
            f"`{field.name}`: {quote(scale)} digits after the decimal point are out of range; "
            f"0 to {precision} of the {precision} digits are possible"
        )


def digits(field: Field) -> tuple[int, int]:
    """Return the digits of a decimal: all, and those after the point."""
    return field.precision or 0, field.scale or 0


def check_lengths(field: Field, scope: Scope) -> None:
    """Reject a length that is zero, inverted or longer than a column."""
    for length in (field.min_length, field.max_length):
        if length is not None and not 1 <= length <= LONGEST_TEXT:
            raise CofeeError(
                f"`{field.name}`: the length {quote(length)} is out of range; "
                f"it must be an integer from 1 to {LONGEST_TEXT}"
            )
    shortest, longest = length_bounds(field, scope)
    if shortest > longest:
        is_bounded = field.max_length is not None
        hint = None if is_bounded else f"add a maximum length: `len={shortest}-…`"
        raise CofeeError(
            f"`{field.name}`: the minimum length `{shortest}` must not be above the maximum "
            f"`{longest}`",
            hint=hint,
        )


def length_bounds(field: Field, scope: Scope) -> tuple[int, int]:
    """Return the least and the greatest length; the type's own if the field sets none."""
    usual = scope.facts.types[field.type].max_length or LONGEST_TEXT
    return field.min_length or 0, usual if field.max_length is None else field.max_length


def read_values(field: Field, scope: Scope) -> Field:
    """Return the field with its default and bounds as a record keeps them."""
    kind = scope.kind(field)

    def read(key: str, value: Value | None) -> Value | None:
        if value is None:
            return None
        found = _read(field.name, key, kind, value)
        return _with_digits(field, key, str(found)) if kind == "decimal" else found

    return replace(
        field,
        default=read("default", field.default),
        min=read("min", field.min),
        max=read("max", field.max),
    )


def check_bounds(field: Field, scope: Scope) -> None:
    """Reject bounds that are inverted or beyond the type, and a default outside of them."""
    kind = scope.kind(field)
    for key in ("min", "max", "default"):
        if getattr(field, key) is not None:
            _check_type_limits(field, key, scope)
    low, high = _rank(kind, field.min), _rank(kind, field.max)
    if low is not None and high is not None and low > high:
        raise CofeeError(
            f"`{field.name}`: the min `{field.min}` must not be above the max `{field.max}`"
        )
    _check_default(field, scope)
    if field.unique and is_single(field, scope):
        raise CofeeError(f"`{field.name}`: a `unique` field must have more than one possible value")


def _read(name: str, key: str, kind: str, value: Value) -> Value:
    try:
        return values.read(kind, value)
    except ValueError as error:
        expected = values.EXPECTED.get(kind, "allowed")
        raise CofeeError(f"`{name}`: the {key} {quote(value)} must be {expected}") from error


def _with_digits(field: Field, key: str, text: str) -> str:
    """Check a decimal against the field's digits; a default then shows all after the point."""
    precision, scale = digits(field)
    whole, _, fraction = text.lstrip("-").partition(".")
    fraction = fraction.rstrip("0")
    places = precision - scale
    if len(fraction) > scale or len(whole.lstrip("0")) > places:
        raise CofeeError(
            f"`{field.name}`: the {key} `{text}` has too many digits; "
            f"{places} are possible before the decimal point and {scale} after it"
        )
    sign = "-" if text.startswith("-") else ""
    if key == "default":
        fraction = fraction.ljust(scale, "0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _rank(kind: str, value: Value | None) -> Any:
    return None if value is None else values.rank(kind, value)


def _limits(type_name: str, scope: Scope) -> Iterator[tuple[str, Any]]:
    """Yield the type's own limits, ready to compare."""
    entry = scope.facts.types[type_name]
    for side, limit in (("least", entry.least), ("greatest", entry.greatest)):
        if limit is not None:
            yield side, values.rank(entry.value, values.read(entry.value, limit))


def _fits_type(type_name: str, value: Any, scope: Scope) -> bool:
    return all(
        value >= limit if side == "least" else value <= limit
        for side, limit in _limits(type_name, scope)
    )


def _check_type_limits(field: Field, key: str, scope: Scope) -> None:
    kind = scope.kind(field)
    value = _rank(kind, getattr(field, key))
    if _fits_type(field.type, value, scope):
        return
    allowed = dict(_limits(field.type, scope))
    wider = [
        other
        for other, entry in scope.facts.types.items()
        if entry.value == kind and _fits_type(other, value, scope)
    ]
    raise CofeeError(
        f"`{field.name}`: the {key} `{getattr(field, key)}` is out of range; `{field.type}` holds "
        f"{allowed.get('least', '…')} to {allowed.get('greatest', '…')}",
        hint=f"`{wider[0]}` is wider" if wider else None,
    )


def _check_default(field: Field, scope: Scope) -> None:
    """Reject a default that the generated schema would reject if a client sent it."""
    if field.default is None:
        return
    kind, default = scope.kind(field), field.default
    if field.values and default not in field.values:
        allowed = listing(field.values)
        raise CofeeError(f"`{field.name}`: the default {quote(default)} must be one of {allowed}")
    if field.min is not None and _rank(kind, default) < _rank(kind, field.min):
        raise CofeeError(
            f"`{field.name}`: the default `{default}` must not be below the min `{field.min}`"
        )
    if field.max is not None and _rank(kind, default) > _rank(kind, field.max):
        raise CofeeError(
            f"`{field.name}`: the default `{default}` must not be above the max `{field.max}`"
        )
    if kind == "string":
        _check_default_length(field, str(default), scope)


def _check_default_length(field: Field, default: str, scope: Scope) -> None:
    shortest, longest = length_bounds(field, scope)
    if not shortest <= len(default) <= longest:
        raise CofeeError(
            f"`{field.name}`: the default {quote(default)} has {len(default)} characters; "
            f"{shortest} to {longest} are allowed"
        )


def is_single(field: Field, scope: Scope) -> bool:
    """Return whether the bounds leave one value."""
    if len(field.values) == 1:
        return True
    kind = scope.kind(field)
    edges = dict(_limits(field.type, scope))
    low = edges.get("least") if field.min is None else _rank(kind, field.min)
    high = edges.get("greatest") if field.max is None else _rank(kind, field.max)
    if kind == "decimal":
        precision, scale = digits(field)
        edge = decimal.Decimal(10) ** (precision - scale)
        step = decimal.Decimal(1).scaleb(-scale)
        low, high = (-edge + step if low is None else low), (edge - step if high is None else high)
    return low is not None and low == high
