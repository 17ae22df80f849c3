"""The rules of a pattern: it compiles, and two different values can be shown that match it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from cofee.errors import CofeeError, quote
from cofee.spec import pattern_worker
from cofee.spec.bounds import length_bounds
from cofee.spec.record import Scope

GIVE_EXAMPLES = "give the field in a file, with `examples` of two values that match"


def complete_pattern(record: dict[str, Any], scope: Scope) -> None:
    """Check a pattern and what has to match it; find the examples that were not given.

    The generated schema shows the examples in OpenAPI and the generated tests send them, which is
    why they must differ, keep to the length and survive the stripping of spaces.
    """
    if "pattern" not in record:
        if "examples" in record or "counterexample" in record:
            raise CofeeError(f"`{record['name']}`: it has examples but no `pattern`")
        return
    _check_compiles(record)
    given = _given_texts(record)
    _check_given(record, given, scope)
    findings = _search(record, given, scope)
    _check_matches(record, given, findings["matching"])
    if "examples" not in record:
        record["examples"] = _two_examples(record, findings["examples"], scope)
    if "counterexample" not in record and findings["counterexample"] is not None:
        record["counterexample"] = findings["counterexample"]


def _check_compiles(record: Mapping[str, Any]) -> None:
    name, pattern = record["name"], record["pattern"]
    if not isinstance(pattern, str) or not pattern or not pattern.isprintable():
        raise CofeeError(f"`{name}`: the pattern {quote(pattern)} is not text on one line")
    try:
        with warnings.catch_warnings():
            # What Python warns of today is an error in the generated service's tests.
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise CofeeError(
            f"`{name}`: the pattern {quote(pattern)} is no regular expression: {error}"
        ) from error


def _given_texts(record: Mapping[str, Any]) -> list[tuple[str, Any, bool]]:
    """List what the field itself says about matching: a label, the text, whether it must match."""
    examples = record.get("examples", [])
    if not isinstance(examples, list):
        raise CofeeError(f"`{record['name']}`: the examples must be a list of two values")
    given = [("example", text, True) for text in examples]
    if "default" in record:
        given.append(("default", record["default"], True))
    if "counterexample" in record:
        given.append(("counterexample", record["counterexample"], False))
    return given


def _check_given(
    record: Mapping[str, Any], given: list[tuple[str, Any, bool]], scope: Scope
) -> None:
    name = record["name"]
    shortest, longest = length_bounds(record, scope)
    for label, text, _ in given:
        if not isinstance(text, str) or not text.isprintable() or text != text.strip():
            raise CofeeError(
                f"`{name}`: the {label} {quote(text)} is not text on one line, "
                "without spaces around it",
                hint=None if isinstance(text, str) else "put it into quotes",
            )
        if not shortest <= len(text) <= longest:
            raise CofeeError(
                f"`{name}`: the {label} {quote(text)} has {len(text)} characters; "
                f"{shortest} to {longest} are allowed"
            )
    examples = record.get("examples")
    if examples is not None and (len(examples) != 2 or examples[0] == examples[1]):
        raise CofeeError(f"`{name}`: the examples must be two values, and different")


def _search(
    record: Mapping[str, Any], given: list[tuple[str, Any, bool]], scope: Scope
) -> pattern_worker.Findings:
    shortest, longest = length_bounds(record, scope)
    findings = pattern_worker.search(
        {
            "pattern": record["pattern"],
            "shortest": shortest,
            "longest": longest,
            "texts": [text for _, text, _ in given],
        }
    )
    if findings is None:
        raise CofeeError(
            f"`{record['name']}`: the pattern {quote(record['pattern'])} takes too long to match, "
            "and a client could stop the service with it",
            hint="avoid a repeat inside a repeat, such as `(a+)+`",
        )
    return findings


def _check_matches(
    record: Mapping[str, Any], given: list[tuple[str, Any, bool]], matching: list[bool]
) -> None:
    for (label, text, wanted), matches in zip(given, matching, strict=True):
        if matches != wanted:
            verb = "matches" if matches else "does not match"
            raise CofeeError(
                f"`{record['name']}`: the {label} {quote(text)} {verb} the pattern "
                f"{quote(record['pattern'])}"
            )


def _two_examples(record: Mapping[str, Any], found: list[str], scope: Scope) -> list[str]:
    if len(found) == 2:
        return sorted(found)  # Like the samples of every type: the smaller first.
    shortest, longest = length_bounds(record, scope)
    raise CofeeError(
        f"`{record['name']}`: no two different values of {max(1, shortest)} to {longest} "
        f"characters were found that match the pattern {quote(record['pattern'])}",
        hint=GIVE_EXAMPLES,
    )
