"""Aggregates of a module: `count`, or a field with one of its type's, such as `price:sum`."""

from __future__ import annotations

from collections.abc import Iterable

from cofee.errors import CofeeError, check_each, did_you_mean, listing, quote
from cofee.spec.facts import Facts
from cofee.spec.record import Module

ROWS = "count"


def field_of(aggregate: str) -> str:
    """Return the name of the field; empty for the number of rows."""
    return "" if aggregate == ROWS else aggregate.partition(":")[0]


def renamed(aggregates: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    """Return aggregates in which a field has another name."""
    return tuple(
        f"{new}:{each.partition(':')[2]}" if field_of(each) == old else each for each in aggregates
    )


def check(module: Module, facts: Facts) -> None:
    """Reject aggregates that the types of the fields do not have.

    Raises:
        CofeeError: each that is wrong.
    """
    check_each(lambda each: _check_one(each, module, facts), module.aggregates)


def _check_one(aggregate: str, module: Module, facts: Facts) -> None:
    if module.aggregates.count(aggregate) > 1:
        raise CofeeError(f"`aggregates`: {quote(aggregate)} occurs twice", hint="list it once")
    name = field_of(aggregate)
    if not name:
        return
    field = module.field(name)
    known = () if field.writeonly else facts.types[field.type].aggregates
    allowed = [f"{name}:{function}" for function in known]
    if aggregate not in allowed:
        what = "`writeonly`" if field.writeonly else f"`{field.type}`"
        raise CofeeError(
            f"`aggregates`: {quote(aggregate)} is not possible, because `{name}` is {what}; "
            + (f"possible are {listing(allowed)}" if allowed else "it has no aggregates"),
            hint=did_you_mean(aggregate, allowed) or "leave it out, or use another field",
        )
