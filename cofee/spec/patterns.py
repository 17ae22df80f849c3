"""Rules of a pattern: it compiles, and two different values match it."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cofee.errors import CofeeError, quote
from cofee.spec.bounds import length_bounds
from cofee.spec.record import Field, Scope

if TYPE_CHECKING:
    from cofee.spec.pattern_worker import Findings

ANCHORED = re.compile(r"\^([^\\|()]|\\.|\(([^\\()]|\\.)*\))*\$")
FLAGS = re.compile(r"(\(\?[a-zA-Z]+\))?(.*)")
GIVE_EXAMPLES = "define the field in a file with two matching `examples`"


class _Text(NamedTuple):
    """A text that must match the pattern of a field, or must not."""

    label: str
    text: str
    must_match: bool


def complete_pattern(field: Field, scope: Scope) -> Field:
    """Return the field with the examples that were not given, once its pattern is checked.

    The generated schema shows the examples in OpenAPI and the generated tests send them, which is
    why they must differ, keep to the length and survive the stripping of spaces.
    """
    if field.pattern is None:
        if field.examples or field.counterexample is not None:
            raise CofeeError(f"`{field.name}`: `examples` needs a `pattern`")
        return field
    check_compiles(field.name, field.pattern)
    given = _given_texts(field)
    _check_given(field, given, scope)
    findings = _search(field, given, scope)
    _check_matches(field, given, findings["matching"])
    missed = findings["counterexample"] if field.counterexample is None else field.counterexample
    examples = field.examples or _two_examples(field, findings["examples"], scope)
    return replace(field, examples=tuple(examples), counterexample=missed)


def check_match(field: Field, label: str, text: str, scope: Scope) -> None:
    """Reject a value that does not match the pattern of a field, if it has one."""
    if field.pattern is not None:
        given = [_Text(label, text, must_match=True)]
        _check_matches(field, given, _search(field, given, scope)["matching"])


def whole(pattern: str) -> str:
    """Return a pattern that matches the whole of a text, exactly as the template writes it."""
    if ANCHORED.fullmatch(pattern):
        return pattern
    return FLAGS.sub(r"\1^(?:\2)$", pattern, count=1)


def check_compiles(name: str, pattern: str) -> None:
    """Reject a pattern that is not a regular expression on one line."""
    if not pattern or not pattern.isprintable():
        raise CofeeError(f"`{name}`: the pattern {quote(pattern)} must be text on one line")
    try:
        with warnings.catch_warnings():
            # A warning of Python is an error in the tests of the generated service.
            warnings.simplefilter("error")
            re.compile(pattern)
            re.compile(whole(pattern))  # A comment or a flag inside could undo the anchors.
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise CofeeError(
            f"`{name}`: the pattern {quote(pattern)} is not a regular expression: {error}",
            hint="use the syntax of Python's `re`",
        ) from error


def _given_texts(field: Field) -> list[_Text]:
    given = [_Text("example", text, must_match=True) for text in field.examples]
    if field.default is not None:
        given.append(_Text("default", str(field.default), must_match=True))
    if field.counterexample is not None:
        given.append(_Text("counterexample", field.counterexample, must_match=False))
    return given


def _check_given(field: Field, given: list[_Text], scope: Scope) -> None:
    shortest, longest = length_bounds(field, scope)
    for label, text, _ in given:
        if not text.isprintable() or text != text.strip():
            raise CofeeError(
                f"`{field.name}`: the {label} {quote(text)} must be text on one line, "
                "without surrounding spaces",
            )
        if not shortest <= len(text) <= longest:
            raise CofeeError(
                f"`{field.name}`: the {label} {quote(text)} has {len(text)} characters; "
                f"{shortest} to {longest} are allowed"
            )
    if field.examples and (len(field.examples) != 2 or len(set(field.examples)) != 2):
        raise CofeeError(f"`{field.name}`: the examples must be two different values")


def _search(field: Field, given: list[_Text], scope: Scope) -> Findings:
    from cofee.spec import pattern_worker

    shortest, longest = length_bounds(field, scope)
    findings = pattern_worker.search(
        {
            "pattern": whole(str(field.pattern)),
            "shortest": shortest,
            "longest": longest,
            "texts": [text for _, text, _ in given],
        }
    )
    if findings is None:
        raise CofeeError(
            f"`{field.name}`: the pattern {quote(field.pattern)} takes too long to match, "
            "and a client could block the service with it",
            hint="avoid nested repeats, such as `(a+)+`",
        )
    return findings


def _check_matches(field: Field, given: list[_Text], matching: list[bool]) -> None:
    for (label, text, must_match), matches in zip(given, matching, strict=True):
        if matches != must_match:
            verb = "match" if must_match else "not match"
            raise CofeeError(
                f"`{field.name}`: the {label} {quote(text)} must {verb} the pattern "
                f"{quote(field.pattern)}"
            )


def _two_examples(field: Field, found: list[str], scope: Scope) -> list[str]:
    if len(found) == 2:
        return sorted(found)  # The smaller first, as in the samples of every type.
    shortest, longest = length_bounds(field, scope)
    raise CofeeError(
        f"`{field.name}`: no two different values of {max(1, shortest)} to {longest} "
        f"characters were found that match the pattern {quote(field.pattern)}",
        hint=GIVE_EXAMPLES,
    )
