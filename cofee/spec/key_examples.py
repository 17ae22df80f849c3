"""Example rows for unique keys with a condition: one that meets it, and one that does not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cofee.errors import CofeeError, listing, quote
from cofee.spec import check_examples as examples
from cofee.spec import checks
from cofee.spec.check_examples import Column
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Key, Module, Value

RULE = "unique_together"
Example = Mapping[str, Value | None]


def complete(key: Key, module: Module, facts: Facts) -> Key:
    """Return a key with its examples; those that are recorded are kept while they fit.

    Raises:
        CofeeError: no such rows exist, or the condition has another meaning on SQLite.
    """
    if not key.where:
        return key
    _require_shared(key, module, facts)
    columns = _columns(key, module, facts)
    given = [key.where, *module.checks]
    unbound = examples.candidates(columns, given, facts, bound=False)
    compared = list(_with_nulls(unbound, columns))
    examples.require_same_meaning(compared, columns, [key.where], facts, RULE)
    if _are_examples(key.examples, columns, key, module, facts):
        return key
    rows = [*examples.candidates(columns, given, facts)]
    found = list(_judged(_with_nulls(rows, columns), columns, key, module, facts))
    met, unmet = ([row for row, is_met in found if is_met is wanted] for wanted in (True, False))
    unique = [name for name, column in columns.items() if facts.is_unique(column.field)]
    for inside, outside in itertools.product(met[: examples.MOST_PAIRS], unmet):
        if all(inside[name] != outside[name] for name in unique):
            return replace(key, examples=(inside, outside))
    raise CofeeError(
        f"`{RULE}`: {'every' if met else 'no'} row meets {quote(key.where)} with values "
        f"of {listing(columns)} that its fields and checks allow",
        hint="write a condition that some rows meet and others do not",
    )


def _columns(key: Key, module: Module, facts: Facts) -> dict[str, Column]:
    """Return the columns of a condition, with those that a check compares with them."""
    named = {*checks.fields(key.where, module, facts)}
    checked = {name for check in module.checks for name in checks.fields(check, module, facts)}
    if named & checked:
        named |= checked
    return {
        column: Column(field, can_be_empty=field.to is not None and field.nullable)
        for column, field in checks.columns_of(module, facts).items()
        if field.name in named
    }


def _require_shared(key: Key, module: Module, facts: Facts) -> None:
    """Reject a condition on a unique field: no two rows could meet it with the same value."""
    for name in checks.fields(key.where, module, facts):
        if facts.is_unique(module.field(name)):
            raise CofeeError(
                f"`{RULE}`: {quote(key.where)} names `{name}`, which is unique",
                hint="write a condition on other fields",
            )


def _are_examples(
    rows: Sequence[Example],
    columns: Mapping[str, Column],
    key: Key,
    module: Module,
    facts: Facts,
) -> bool:
    """Return whether recorded rows still are what they have to be."""
    if len(rows) != 2 or any(row.keys() != columns.keys() for row in rows):
        return False
    for row in rows:
        for name, column in columns.items():
            if not _is_possible(row[name], column.field, facts):
                return False
    found = [
        (row, is_met) for row, is_met in _judged(rows, columns, key, module, facts) if row in rows
    ]
    return (rows[0], True) in found and (rows[1], False) in found


def _is_possible(value: Value | None, field: Field, facts: Facts) -> bool:
    if field.to is not None:
        return value is True or (value is False and field.nullable)
    return field.nullable if value is None else examples.is_allowed(value, field, facts)


def _with_nulls(rows: Iterable[Example], columns: Mapping[str, Column]) -> Iterator[Example]:
    """Yield rows, then the same without one of the values that can be null."""
    rows = list(rows)
    yield from rows
    for name, column in columns.items():
        if column.field.nullable and column.field.to is None:
            yield from ({**row, name: None} for row in rows)


def _judged(
    rows: Iterable[Example],
    columns: Mapping[str, Column],
    key: Key,
    module: Module,
    facts: Facts,
) -> Iterator[tuple[Example, bool]]:
    """Yield the rows that no check refuses, and whether they meet the condition.

    With every choice of empty references: a row says of each whether it leads to another row.
    """
    given = list(rows)
    about = [
        check
        for check in module.checks
        if {*checks.fields(check, module, facts)}
        & {column.field.name for column in columns.values()}
    ]
    for form in examples.forms(columns):
        leads = {name: not one.is_empty for name, one in form.items() if one.field.to is not None}
        met = examples.judge(key.where, form, given, facts, truth="IS TRUE")
        passed = [examples.judge(check, form, given, facts) for check in about]
        for row, is_met, *verdicts in zip(given, met, *passed, strict=True):
            if all(verdicts):
                yield {**row, **leads}, is_met
