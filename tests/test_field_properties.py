"""Properties of the field language, over everything that the table of types offers."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cofee.errors import CofeeError
from cofee.spec.gate import check_fields
from cofee.spec.parse import format_field, parse_field
from cofee.spec.record import Field
from cofee.template.template import Template

ROOT = Path(__file__).resolve().parent.parent
FACTS = Template(str(ROOT), "HEAD", ROOT).facts
TYPES = FACTS.types


def parse(spec: str) -> Field:
    """Read a specification of the module `orders`."""
    return parse_field(spec, FACTS, ("customers",), "orders")


WORDS = st.from_regex(r"[a-z]{3}[a-z0-9]{0,8}", fullmatch=True).map(lambda word: f"x_{word}")
LINES = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=12)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "string": LINES.map(lambda text: text.replace("\\", "\\\\").replace(":", "\\:")),
    "integer": st.integers(-2000, 2000).map(str),
    "number": st.floats(allow_nan=False, allow_infinity=False).map(str),
    "decimal": st.decimals(-99, 99, places=2).map(str),
    "boolean": st.sampled_from(["true", "false"]),
    "date": st.dates().map(lambda day: day.strftime("%Y%m%d").zfill(8)),
    "datetime": st.datetimes().map(lambda moment: f"{moment.isoformat().replace(':', '')}Z"),
    "time": st.times().map(lambda moment: moment.isoformat().replace(":", "")),
    "seconds": st.integers(0, 10**9).map(str),
    "choice": st.sampled_from(["a", "b"]),
    "uuid": st.uuids().map(str),
    "size": st.sampled_from(["1", "1500", "20KB", "5MB", "3000MB", "1GB"]),
    "none": st.just("empty"),
}
ARGUMENTS = {
    "precision": "6.2",
    "values": "a,b,c",
    "items": "str",
    "module": "customers",
    "media_types": "image/png,text/plain",
    "dimension": "384",
}
JSON_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,9}", fullmatch=True)
PATTERNS = st.sampled_from([r"^[A-Z]{3}-\d+$", r"a:b|c\\d", r"^\w+@\w+\.[a-z]{2,}$", "(?i)^x.*y$"])


@st.composite
def specifications(draw: st.DrawFn, patterns: bool = False) -> str:
    """Draw a specification that is well formed; its bounds may contradict one another."""
    name = draw(st.sampled_from(sorted(TYPES)))
    entry = TYPES[name]
    argument = ARGUMENTS.get(entry.argument)
    parts = [draw(WORDS), name, *([argument] if argument else [])]
    chosen = draw(st.sets(st.sampled_from(entry.modifiers))) if entry.modifiers else set()
    for modifier in sorted(chosen - {"pattern"}):
        if modifier in ("default", "min", "max"):
            computed = st.sampled_from([*entry.computed]) if entry.computed else st.nothing()
            values = (
                VALUES[entry.value] | computed if modifier == "default" else VALUES[entry.value]
            )
            parts.append(f"{modifier}={draw(values)}")
        elif modifier == "len":
            parts.append(f"len={draw(st.integers(1, 9))}-{draw(st.integers(9, 99))}")
        elif modifier == "labels":
            parts.append("labels=Not yet,B\\: done,ç")
        elif modifier == "as":
            parts.append(f"as={draw(JSON_NAMES)}")
        elif modifier == "on_delete":
            parts.append("on_delete=cascade")
        else:
            parts.append(modifier)
    if patterns and "pattern" in chosen:
        parts.append(f"pattern={draw(PATTERNS)}")
    return ":".join(parts)


def attempt(spec: str) -> Field | None:
    """Read a specification, or give nothing when it is refused."""
    try:
        return parse(spec)
    except CofeeError:
        return None


@given(specifications())
@settings(max_examples=300, deadline=2000)
def test_writing_is_the_inverse_of_reading(spec: str) -> None:
    """With the table of types and without it, the specification gives the same record."""
    record = attempt(spec)
    if record is not None:
        assert parse(format_field(record, FACTS)) == record
        assert parse(format_field(record)) == record
        assert check_fields([record], FACTS, ("customers",), "orders") == (record,)


@given(specifications(patterns=True))
@settings(max_examples=15, deadline=None)
def test_writing_is_the_inverse_of_reading_patterns_too(spec: str) -> None:
    """The examples have no place in a specification, and are found again."""
    record = attempt(spec)
    if record is not None:
        assert parse(format_field(record, FACTS)) == record


@given(st.one_of(st.text(), specifications(), st.text("ab:=-.,\\_019 null", max_size=40)))
@settings(max_examples=400, deadline=2000)
def test_any_text_gives_a_record_or_a_refusal(text: str) -> None:
    """Nothing but `CofeeError` is raised, and nothing takes long."""
    attempt(text)


@given(st.text("ab01()[]{}|*+?^$\\.,-:=!<>P", max_size=14))
@settings(max_examples=25, deadline=None)
def test_any_pattern_gives_a_record_or_a_refusal(pattern: str) -> None:
    """Whatever a pattern holds, its examples match it."""
    record = attempt(f"x_code:str:pattern={pattern}")
    if record is not None:
        assert all(re.search(pattern, example) for example in record.examples)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
KEYS = ["name", "type", "default", "min", "max", "values", "items", "to", "precision", "scale"]


@given(
    st.sampled_from(sorted(TYPES)),
    st.dictionaries(st.sampled_from([*KEYS, "max_length", "unique", "on_delete"]), JUNK),
)
@settings(max_examples=300, deadline=2000)
def test_any_record_is_accepted_or_refused(type_name: str, record: dict[str, Any]) -> None:
    """A file can contain any value under a known key."""
    with contextlib.suppress(CofeeError):
        check_fields(
            [{"name": "x_a", "type": type_name, **record}], FACTS, ("customers",), "orders"
        )
