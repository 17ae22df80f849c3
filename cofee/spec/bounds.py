"""Rules for lengths, digits, bounds and defaults."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cofee.errors import CofeeError, listing, quote
from cofee.spec import values
from cofee.spec.record import Field, Scope, Value

# SQLite keeps a decimal exactly as a scaled 64-bit integer, which has this number of digits.
GREATEST_PRECISION = 18
# The longest VARCHAR that PostgreSQL declares.
LONGEST_TEXT = 10_485_760
# The word for the default of a list, which a file can also give as `[]`.
EMPTY = "empty"


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

    def read(key: str, value: Value | None) -> Value | None:
        return None if value is None else read_value(field, key, value, scope)

    return replace(
        field,
        default=read("default", field.default),
        min=read("min", field.min),
        max=read("max", field.max),
    )


def read_value(field: Field, label: str, value: Value, scope: Scope) -> Value:
    """Return a value as a record keeps it; `label` names it in messages.

    Raises:
        CofeeError: it is not of the field's type.
    """
    kind, computed = scope.kind(field), () if label in ("min", "max") else _computed(field, scope)
    word = EMPTY if value in ((), "[]") else value
    if word in computed:
        return word
    found = _read(field.name, label, kind, value, computed)
    return _with_digits(field, label, str(found)) if kind == "decimal" else found


def _computed(field: Field, scope: Scope) -> tuple[str, ...]:
    """Return the words for defaults that the service computes."""
    return tuple(scope.facts.types[field.type].computed)


def check_bounds(field: Field, scope: Scope) -> None:
    """Reject bounds that are inverted or beyond the type, and a default outside of them."""
    kind = scope.kind(field)
    for key in ("min", "max"):
        _check_type_limits(field, key, getattr(field, key), scope)
    low, high = _rank(kind, field.min), _rank(kind, field.max)
    if field.default in _computed(field, scope) and (low, high, field.min_length) != (None,) * 3:
        raise CofeeError(
            f"`{field.name}`: with the default `{field.default}` it must not have a `min`, a `max` "
            "or a minimum length, which the default may not satisfy",
            hint="remove the bound, or change the default",
        )
    if low is not None and high is not None and low > high:
        raise CofeeError(
            f"`{field.name}`: the min `{field.min}` must not be above the max `{field.max}`"
        )
    check_value(field, "default", field.default, scope)
    if field.unique and is_single(field, scope):
        raise CofeeError(f"`{field.name}`: a `unique` field must have more than one possible value")


def _read(name: str, key: str, kind: str, value: Value, computed: tuple[str, ...]) -> Value:
    try:
        return values.read(kind, value)
    except ValueError as error:
        plain = [values.EXPECTED[kind]] if kind in values.EXPECTED else []
        expected = " or ".join([*plain, *(f"`{word}`" for word in computed)])
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
    if key not in ("min", "max"):
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


def _check_type_limits(field: Field, label: str, given: Value | None, scope: Scope) -> None:
    kind = scope.kind(field)
    value = _rank(kind, given)
    if given is None or _fits_type(field.type, value, scope):
        return
    allowed = dict(_limits(field.type, scope))
    wider = [
        other
        for other, entry in scope.facts.types.items()
        if entry.value == kind and _fits_type(other, value, scope)
    ]
    raise CofeeError(
        f"`{field.name}`: the {label} `{given}` is out of range; `{field.type}` holds "
        f"{allowed.get('least', '…')} to {allowed.get('greatest', '…')}",
        hint=f"`{wider[0]}` is wider" if wider else None,
    )


def check_value(field: Field, label: str, value: Value | None, scope: Scope) -> None:
    """Reject a value that the generated schema would reject if a client sent it."""
    if value is None or value in _computed(field, scope):
        return
    _check_type_limits(field, label, value, scope)
    kind, about = scope.kind(field), f"`{field.name}`: the {label} {quote(value)}"
    if field.values and value not in field.values:
        raise CofeeError(f"{about} must be one of {listing(field.values)}")
    if field.min is not None and _rank(kind, value) < _rank(kind, field.min):
        raise CofeeError(f"{about} must not be below the min `{field.min}`")
    if field.max is not None and _rank(kind, value) > _rank(kind, field.max):
        raise CofeeError(f"{about} must not be above the max `{field.max}`")
    shortest, longest = length_bounds(field, scope)
    if kind == "string" and not shortest <= len(str(value)) <= longest:
        raise CofeeError(
            f"{about} has {len(str(value))} characters; {shortest} to {longest} are allowed"
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
