"""Two example rows that satisfy the checks of a module, for the tests of the service.

The values that are tried are usual ones, the bounds of the fields and the literals of the checks.
SQLite decides about the rows. It stores a decimal as a whole number of its smallest unit: a
condition that has the same result in any unit also has it on PostgreSQL.
"""

from __future__ import annotations

import decimal
import itertools
import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from cofee.errors import CofeeError, listing, quote
from cofee.spec import bounds, checks, patterns
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Module, Row, Scope, Value

MOST_ROWS = 4096
MOST_PAIRS = 64
LONGEST_TEXT = 200
NUMBER = re.compile(r"(?<![\w.])\d{1,15}(?:\.\d{1,15})?(?![\w.])")
TEXT = re.compile(r"'((?:[^']|'')*)'")
DIFFERENT = re.compile(r'"?(\w+)"?\s*(?:<>|!=)\s*"?(\w+)"?')
NUMBERS = ("integer", "number", "decimal", "seconds")
MOMENTS = ("date", "datetime", "time")
EXACT = decimal.Context(prec=60)  # a bound of 19 digits can be tried in a unit of 18 places
LARGER = -1  # a unit of this many of the smallest; binary, so fractions are exact
LARGER_UNIT = 1024


@dataclass(frozen=True)
class Column:
    """A column that a check names, as the rows of the tests have it."""

    field: Field
    can_be_empty: bool = False  # a reference that some rows have and others do not
    is_empty: bool = False
    is_crossed: bool = False  # a reference that leads to another row than others to its module


Columns = Mapping[str, Column]


def find(module: Module, facts: Facts, later: Collection[str] = ()) -> tuple[Row, ...]:
    """Return the first and the second row of the tests, with the columns that checks name.

    Args:
        later: the modules that are listed after this one.

    Raises:
        CofeeError: no rows were found, or a check has another meaning on SQLite.
    """
    given = module.checks
    fields = _checked(module, {module.name, *later}, facts)
    require_same_meaning(list(candidates(fields, given, facts, bound=False)), fields, given, facts)
    together = list(_must_differ(module, _chosen(fields), facts))
    if recorded := _recorded(module.examples, fields, given, facts, together):
        return recorded
    tried = _satisfying(list(candidates(fields, given, facts)), fields, given, facts)[:MOST_PAIRS]
    fitting = [(a, b) for a in tried for b in tried if _can_follow(a, b, fields, together, facts)]
    if not fitting:
        raise CofeeError(
            f"`checks`: no values of {listing(fields)} satisfy {' and '.join(map(quote, given))}",
            hint=_way_out(fields),
        )
    return max(fitting, key=lambda pair: _difference(*pair))


def _way_out(fields: Columns) -> str:
    emptied = [name for name, column in fields.items() if column.can_be_empty]
    if emptied:
        return f"rows must satisfy the checks with and without {listing(emptied)}"
    return "give the fields bounds that allow such rows, such as `price:decimal:12.2:min=10`"


def _recorded(
    rows: Sequence[Row],
    fields: Columns,
    given: Sequence[str],
    facts: Facts,
    together: Sequence[Sequence[str]],
) -> tuple[Row, ...]:
    """Return the recorded rows, if they still satisfy the checks."""
    chosen = _chosen(fields).items()
    ordered = tuple({name: row[name] for name, _ in chosen if name in row} for row in rows)
    if len(rows) != 2 or any(row.keys() != _chosen(fields).keys() for row in ordered):
        return ()
    if not all(is_allowed(row[name], field, facts) for row in rows for name, field in chosen):
        return ()  # The field has another type or other bounds now.
    passing = _satisfying(ordered, fields, given, facts) == [*ordered]
    return ordered if passing and _can_follow(rows[0], rows[1], fields, together, facts) else ()


def is_allowed(value: Value, field: Field, facts: Facts) -> bool:
    """Return whether a field takes a recorded value, and returns it in the same form."""
    scope = Scope(facts, (), "")
    try:
        read = bounds.read_value(field, "example", value, scope)
        bounds.check_value(field, "example", read, scope)
        patterns.check_match(field, "example", str(read), scope)
    except CofeeError:
        return False
    return read == value


def _checked(module: Module, behind: Collection[str], facts: Facts) -> dict[str, Column]:
    """Return the columns that checks name, with their fields; some are empty at times.

    Args:
        behind: the modules without a row when the first row of this one is created.
    """
    named = {name for check in module.checks for name in checks.fields(check, module, facts)}
    columns = checks.columns_of(module, facts)
    crossed = set(_crossed(module.checks, columns, behind))
    return {
        name: Column(
            field,
            can_be_empty=field.to in behind or field.on_delete == "set_null",
            is_crossed=name in crossed,
        )
        for name, field in columns.items()
        if field.name in named
    }


def _crossed(
    given: Sequence[str], columns: Mapping[str, Field], behind: Collection[str]
) -> Iterator[str]:
    """Yield the second of two references to a module that must differ, as the template does."""
    for check in given:
        for left, right in DIFFERENT.findall(TEXT.sub("", check)):
            targets = {columns[name].to for name in (left, right) if name in columns}
            if left in columns and right in columns and len(targets - {None, *behind}) == 1:
                yield right


def forms(fields: Columns) -> Iterator[dict[str, Column]]:
    """Yield the columns with every choice of empty references, as tests have them."""
    choices = [
        [column, replace(column, is_empty=True)] if column.can_be_empty else [column]
        for column in fields.values()
    ]
    for chosen in itertools.product(*choices):
        yield dict(zip(fields, chosen, strict=True))


def _chosen(fields: Columns) -> dict[str, Field]:
    """Return the fields without references, which the tests set themselves."""
    return {name: column.field for name, column in fields.items() if column.field.to is None}


def candidates(
    fields: Columns,
    given: Sequence[str],
    facts: Facts,
    *,
    bound: bool = True,
) -> Iterator[Row]:
    """Yield every combination of the values that are tried, up to a limit.

    Args:
        bound: only values that the fields allow.
    """
    numbers = [found for check in given for found in NUMBER.findall(check)]
    texts = [found.replace("''", "'") for check in given for found in TEXT.findall(check)]
    bounds = [
        str(bound)
        for column in fields.values()
        for bound in (column.field.min, column.field.max)
        if bound is not None
    ]
    tried: dict[str, list[Value]] = {}
    for column, field in _chosen(fields).items():
        kind = facts.types[field.type].value
        if kind in NUMBERS:
            near = [*numbers, *bounds]
            tried[column] = list(_numbers(field, kind, near, facts, bound=bound))
        else:
            tried[column] = list(_others(field, kind, numbers, [*texts, *bounds], facts))
    yield from (
        dict(zip(tried, values, strict=True))
        for values in itertools.islice(itertools.product(*_fewer(tried)), MOST_ROWS)
    )


def _fewer(tried: Mapping[str, list[Value]]) -> list[list[Value]]:
    """Limit the values of each column, so that all combinations can be tried."""
    most = max(2, int(MOST_ROWS ** (1 / max(1, len(tried)))))
    return [values[:most] for values in tried.values()]


def _numbers(
    field: Field, kind: str, found: Sequence[str], facts: Facts, *, bound: bool
) -> Iterator[Value]:
    """Yield numbers for a field, each as a record writes it."""
    places = field.scale or 0
    unit = decimal.Decimal(1).scaleb(-places)
    least, most = _range(field, kind, unit, facts)
    literals = [decimal.Decimal(text) for text in found if re.fullmatch(r"-?\d+(\.\d+)?", text)]
    near = [literal + step for literal in literals for step in (0, unit, -unit, 1, -1)]
    counts = [unit * count for count in (1, 5, 50)]
    counts += [literal * unit + step for literal in literals for step in (0, unit, -unit)]
    usual = [*map(decimal.Decimal, ("1", "2", "0", "5", "10", "60", "100"))]
    for number in dict.fromkeys([*near, *usual, *counts] if bound else [*counts, *near, *usual]):
        whole = number.quantize(unit, decimal.ROUND_DOWN, EXACT)
        if not bound or least <= whole <= most:
            yield _written(whole, kind, places)


def _range(
    field: Field, kind: str, unit: decimal.Decimal, facts: Facts
) -> tuple[decimal.Decimal, decimal.Decimal]:
    """Return the least and the greatest number that a field takes."""
    entry = facts.types[field.type]
    edge = unit * (10 ** (field.precision or 0) - 1) if kind == "decimal" else 10**15
    least = next(bound for bound in (field.min, entry.least, -edge) if bound is not None)
    most = next(bound for bound in (field.max, entry.greatest, edge) if bound is not None)
    return decimal.Decimal(str(least)), decimal.Decimal(str(most))


def _written(number: decimal.Decimal, kind: str, places: int) -> Value:
    if kind == "decimal":
        return f"{number:.{places}f}"
    return float(number) if kind == "number" else int(number)


def _others(
    field: Field,
    kind: str,
    numbers: Sequence[str],
    texts: Sequence[str],
    facts: Facts,
) -> Iterator[Value]:
    """Yield values of a field that is not a number."""
    entry = facts.types[field.type]
    samples = [*map(str, entry.samples)]
    if kind == "choice":
        yield from field.values
    elif kind == "boolean":
        yield from (False, True)
    elif field.pattern is not None:
        yield from field.examples
    elif kind in MOMENTS:
        least, most = str(field.min or ""), str(field.max or "~")
        shaped = [text for text in texts if len(text) == len(samples[0])]
        found = dict.fromkeys([*samples, *shaped, *map(str, entry.extremes)])
        yield from (text for text in found if least <= text <= most)
    elif kind == "string" and "len" in facts.types[field.type].modifiers:
        yield from _texts(field, samples, numbers, texts)
    else:
        yield from samples


def _texts(
    field: Field, samples: Sequence[str], numbers: Sequence[str], texts: Sequence[str]
) -> Iterator[str]:
    """Yield texts for a field: its type's samples, those of the checks, and some of each length."""
    shortest = field.min_length or 0
    longest = LONGEST_TEXT if field.max_length is None else field.max_length
    lengths = [int(text) for text in numbers if text.isdigit() and int(text) <= LONGEST_TEXT]
    lengths += [length for length in (field.min_length, field.max_length) if length is not None]
    made = [letter * length for length in lengths for letter in "ab"]
    for text in dict.fromkeys([*samples, *texts, *made]):
        if shortest <= len(text) <= longest and text == text.strip():
            yield text


def require_same_meaning(
    rows: Sequence[Mapping[str, Value | None]],
    fields: Columns,
    given: Sequence[str],
    facts: Facts,
    rule: str = "checks",
) -> None:
    """Reject a condition with another result for numbers that are stored in another unit."""
    scale = max(column.field.scale or 0 for column in fields.values()) + 1
    rows = [row for row in rows if _fits(row, fields, scale, facts)]
    for check, form in itertools.product(given, forms(fields)):
        verdicts = [judge(check, form, rows, facts, unit) for unit in (None, scale, LARGER)]
        if any(verdict != verdicts[0] for verdict in verdicts):
            raise CofeeError(
                f"`{rule}`: {quote(check)} has another meaning on SQLite, which stores decimals "
                "and durations as integers",
                hint="compare them with each other or with 0; `min` and `max` limit a single field",
            )


def _fits(row: Mapping[str, Value | None], fields: Columns, scale: int, facts: Facts) -> bool:
    """Return whether SQLite can store a row exactly in a smaller unit."""
    kept = (_kept(row.get(name), column, facts, scale) for name, column in fields.items())
    return all(abs(value) < 2**46 for value in kept if isinstance(value, int))


def _satisfying(
    rows: Sequence[Row],
    fields: Columns,
    given: Sequence[str],
    facts: Facts,
) -> list[Row]:
    """Return the rows that satisfy all checks."""
    every = list(forms(fields))
    verdicts = [judge(check, form, rows, facts) for check in given for form in every]
    return [row for row, *passed in zip(rows, *verdicts, strict=True) if all(passed)]


def judge(
    check: str,
    fields: Columns,
    rows: Sequence[Mapping[str, Value | None]],
    facts: Facts,
    scale: int | None = None,
    truth: str = "IS NOT FALSE",
) -> list[bool]:
    """Return for each row whether it satisfies a check in SQLite, where null is as good as true."""
    kept = [
        [_kept(row.get(name), column, facts, scale) for name, column in fields.items()]
        for row in rows
    ]
    table = checks.scratch({name: column.field for name, column in fields.items()}, facts)
    marks = ", ".join("?" * len(fields))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(table)
        connection.executemany(f"INSERT INTO scratch VALUES ({marks})", kept)  # noqa: S608
        found = connection.execute(f"SELECT ({check}) {truth} FROM scratch")  # noqa: S608
        return [bool(passed) for (passed,) in found]


def _kept(value: Any, column: Column, facts: Facts, scale: int | None = None) -> Any:
    """Return a value as SQLite keeps it; with a scale, exact numbers in another unit."""
    field = column.field
    if field.to is not None:
        return None if column.is_empty else f"{field.to} {column.is_crossed}"
    stored = facts.types[field.type].sqlite
    if value is None:
        return None
    if stored == "scaled":
        places = field.scale if scale in (None, LARGER) else scale
        count = int(decimal.Decimal(value).scaleb(places or 0))
        return count / LARGER_UNIT if scale == LARGER else count
    if stored == "microseconds":
        return value * (1_000_000 if scale is None else 1)
    return value


def _can_follow(
    first: Row,
    second: Row,
    fields: Columns,
    together: Sequence[Sequence[str]],
    facts: Facts,
) -> bool:
    """Return whether a row can be the second: unique values differ, sorted values ascend."""
    if any(all(first[name] == second[name] for name in names) for names in together):
        return False
    for name, field in _chosen(fields).items():
        before, after = first[name], second[name]
        if field.unique and before == after:
            return False
        if field.sort and _kept(after, fields[name], facts) < _kept(before, fields[name], facts):
            return False
    return True


def require_several(module: Module, names: Sequence[str], facts: Facts) -> None:
    """Reject unique combinations of fields that all have one possible value."""
    if all(_is_single(field, facts) for field in _named(module, names)):
        raise CofeeError(
            f"`unique_together`: {quote(','.join(names))} must have more than one possible value"
        )


def _must_differ(module: Module, columns: Collection[str], facts: Facts) -> Iterator[list[str]]:
    """Yield the columns with chosen values that must differ.

    If another field is unique together with them, its samples or references differ instead.
    """
    for names in (key.fields for key in module.unique_together if not key.where):
        fields = {field.column: field for field in _named(module, names)}
        if all(_is_single(field, facts) for name, field in fields.items() if name not in columns):
            yield [name for name in fields if name in columns]


def _difference(first: Row, second: Row) -> int:
    """Return the number of columns in which two rows differ."""
    return sum(first[column] != second[column] for column in first)


def _named(module: Module, names: Sequence[str]) -> list[Field]:
    return [field for field in module.fields if field.name in names]


def _is_single(field: Field, facts: Facts) -> bool:
    return field.to is None and bounds.is_single(field, Scope(facts, (), ""))
