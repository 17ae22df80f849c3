"""The field language: `total:decimal:12.2:min=0` stands for a field record, and back.

    specification = name [":" type [":" argument] {":" modifier}]
    modifier      = "null" | "unique" | "index" | "filter" | "sort"
                  | "default=" value | "min=" value | "max=" value
                  | "len=" [least "-"] greatest | "len=" least "-"
                  | "on_delete=" rule | "pattern=" rest

A name alone is a `str`. `pattern=` takes the rest of the specification, colons included, so it
stands last. In any other value a colon is written `\\:` and a backslash `\\\\`. Dates and times may
leave out their separators, so that no colon is needed: `min=20260131T093000Z`, `default=0930`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cofee.errors import CofeeError, quote
from cofee.spec import field_rules, values
from cofee.spec.facts import Facts
from cofee.spec.record import FLAG_KEYS, FieldRecord, Scope, column_of

LENGTH = re.compile(r"(?P<least>[0-9]{1,9})?(?P<dash>-)?(?P<greatest>[0-9]{1,9})?")
PRECISION = re.compile(r"(?P<precision>[0-9]{1,9})\.(?P<scale>[0-9]{1,9})")
# A colon ends a segment unless a backslash stands before it.
SEGMENT = re.compile(r"(?:\\[\\:]|[^:])*")
LONGEST_SPECIFICATION = 10_000

ARGUMENT_EXAMPLES = {
    "precision": "its digits, all and after the point, such as `12.2`",
    "values": "its values, such as `draft,paid`",
    "items": "the type of its items, such as `str`",
    "module": "the module that it refers to, such as `customers`",
}


def parse_field(spec: str, facts: Facts, modules: Collection[str], module: str) -> FieldRecord:
    """Read one specification.

    Args:
        spec: the text, such as `total:decimal:12.2:min=0`.
        facts: what the template states.
        modules: the modules that a reference may name beside its own; see `Scope`.
        module: the module that gets the field.

    Raises:
        CofeeError: what is wrong with it, and what is allowed.
    """
    scope = Scope(facts, modules, module)
    return field_rules.complete(_raw_record(spec, scope), scope)


def parse_fields(
    specs: Iterable[str], facts: Facts, modules: Collection[str], module: str
) -> list[FieldRecord]:
    """Read all specifications of one module; fields that clash are refused."""
    return check_fields(specs, facts, modules, module)


def check_fields(
    fields: Iterable[Mapping[str, Any] | str],
    facts: Facts,
    modules: Collection[str],
    module: str,
) -> list[FieldRecord]:
    """Check the fields of a file by the same rules; each is a record or a specification.

    Raises:
        CofeeError: a field is wrong by itself, or clashes with one before it.
    """
    scope = Scope(facts, modules, module)
    records: list[FieldRecord] = []
    for field in fields:
        if not isinstance(field, str | Mapping):
            raise CofeeError(f"{quote(field)} is no field; it is a record or a specification")
        raw = _raw_record(field, scope) if isinstance(field, str) else field
        records.append(field_rules.complete(raw, scope))
        check_apart(records[-1], records[:-1])
    return records


def check_apart(record: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a field whose name, column or relationship another field has.

    Raises:
        CofeeError: the two cannot stand in one module.
    """
    name, column = record["name"], column_of(record)
    for other in others:
        if name == other["name"]:
            raise CofeeError(f"the field `{name}` is there twice")
        if column == column_of(other):
            reference = name if "to" in record else other["name"]
            raise CofeeError(
                f"the fields `{other['name']}` and `{name}` would share the column `{column}`, "
                f"which the reference `{reference}` gets by itself"
            )


def read_default(record: Mapping[str, Any], value: str, facts: Facts) -> Any:
    """Read a value for rows that are there already, by the rules of the field's default.

    Raises:
        CofeeError: the value does not fit the field, or its type has no values to write down.
    """
    scope = Scope(facts, (record["to"],) if "to" in record else (), "")
    if "default" in scope.modifiers(record["type"]):
        return field_rules.complete({**record, "default": value}, scope)["default"]
    kind = "uuid" if "to" in record else scope.kind(record["type"])
    try:
        return values.read(kind, value)
    except ValueError as error:
        expected = values.EXPECTED.get(kind, "nothing: make the field `null`, and fill it by hand")
        raise CofeeError(f"`{record['name']}`: {quote(value)} must be {expected}") from error


def format_field(record: Mapping[str, Any], facts: Facts | None = None) -> str:
    """Write the specification of a record, so that reading it gives the record again.

    Examples have no place in a specification; reading finds them anew. With the facts,
    moments are written without colons; without them, their colons are escaped.
    """
    kind = facts.types.get(record["type"], {}).get("value") if facts else None
    parts = [record["name"], record["type"], *_argument_text(record)]
    parts += [modifier for modifier, key in FLAG_KEYS.items() if record.get(key)]
    for key in ("default", "min", "max"):
        if key in record:
            parts.append(f"{key}={escape(values.write(kind, record[key]))}")
    if "min_length" in record or "max_length" in record:
        parts.append(f"len={_length_text(record)}")
    parts += [f"{key}={record[key]}" for key in ("on_delete", "pattern") if key in record]
    return ":".join(parts)


def escape(value: str) -> str:
    """Write a value so that its colons do not end it."""
    return value.replace("\\", "\\\\").replace(":", "\\:")


def _raw_record(spec: str, scope: Scope) -> dict[str, Any]:
    """Take a specification apart; what stands in it is still text."""
    if len(spec) > LONGEST_SPECIFICATION:
        raise CofeeError(f"{quote(spec)} is longer than {LONGEST_SPECIFICATION} characters")
    segments = _split(spec)
    raw: dict[str, Any] = {"name": segments.pop(0)}
    raw["type"] = segments.pop(0) if segments else "str"
    if scope.facts.types.get(raw["type"]) is None:
        field_rules.check_name(raw)
        _check_type_is_there(raw)
    field_rules.check_type(raw, scope)
    argument = scope.argument(raw["type"])
    if argument != "none":
        raw |= _read_argument(raw, argument, segments)
    field_rules.check_name(raw)
    seen: set[str] = set()
    for segment in segments:
        modifier = segment.partition("=")[0]
        field_rules.check_modifier(raw["name"], raw["type"], modifier, scope)
        if modifier in seen:
            raise CofeeError(f"`{raw['name']}`: the modifier `{modifier}` is given twice")
        seen.add(modifier)
        raw |= _read_modifier(raw["name"], segment)
    return raw


def _split(spec: str) -> list[str]:
    """Cut at the colons; a pattern keeps everything to the end as it stands."""
    segments: list[str] = []
    position = 0
    while position <= len(spec):
        if len(segments) > 1 and spec.startswith("pattern=", position):
            return [*segments, spec[position:]]
        found = SEGMENT.match(spec, position)
        end = found.end() if found else len(spec)
        segments.append(spec[position:end])
        position = end + 1
    return segments


def _check_type_is_there(raw: Mapping[str, Any]) -> None:
    """Tell a modifier in the place of the type from a type that does not exist."""
    word = raw["type"].partition("=")[0]
    if word in FLAG_KEYS or "=" in raw["type"] or not word:
        name, found = raw["name"], raw["type"]
        raise CofeeError(
            f"`{name}`: the type is missing before {quote(found)}",
            hint=f"write it first: `{name}:str:{found}`" if found else f"`{name}` alone is a `str`",
        )


def _read_argument(raw: Mapping[str, Any], argument: str, segments: list[str]) -> dict[str, Any]:
    """Take the type's argument off the segments."""
    name, type_name = raw["name"], raw["type"]
    text = segments.pop(0) if segments else ""
    if not text or text in FLAG_KEYS or "=" in text:
        wanted = ARGUMENT_EXAMPLES.get(argument, f"its {argument}")
        raise CofeeError(f"{quote(name)}: `{type_name}` needs {wanted}")
    if argument == "values":
        return {"values": text.split(",")}
    if argument == "precision":
        found = PRECISION.fullmatch(text)
        if found is None:
            wanted = ARGUMENT_EXAMPLES["precision"]
            raise CofeeError(f"{quote(name)}: {quote(text)} is not {wanted}")
        return {key: int(digits) for key, digits in found.groupdict().items()}
    return {"to" if argument == "module" else argument: text}


def _read_modifier(name: str, segment: str) -> dict[str, Any]:
    modifier, equals, value = segment.partition("=")
    if modifier in FLAG_KEYS:
        if equals:
            raise CofeeError(f"`{name}`: `{modifier}` takes no value, and has {quote(value)}")
        return {FLAG_KEYS[modifier]: True}
    if not equals or (not value and modifier != "default"):
        raise CofeeError(f"`{name}`: `{modifier}` needs a value: `{modifier}=…`")
    if modifier == "len":
        return _read_length(name, value)
    return {modifier: value if modifier == "pattern" else _unescape(value)}


def _read_length(name: str, value: str) -> dict[str, int]:
    """Read `40` as the greatest length, `3-40` as both, `3-` as the least."""
    found = LENGTH.fullmatch(value)
    if found is None or not (found["least"] or found["greatest"]):
        raise CofeeError(
            f"`{name}`: the length {quote(value)} is not allowed; "
            "write `len=40`, `len=3-40` or `len=3-`"
        )
    least, greatest = found["least"], found["greatest"]
    if not found["dash"]:
        least, greatest = None, least
    bounds = {"min_length": least, "max_length": greatest}
    return {key: int(digits) for key, digits in bounds.items() if digits}


def _unescape(value: str) -> str:
    return re.sub(r"\\([\\:])", r"\1", value)


def _argument_text(record: Mapping[str, Any]) -> list[str]:
    if "precision" in record:
        return [f"{record['precision']}.{record['scale']}"]
    if "values" in record:
        return [",".join(record["values"])]
    return [record[key] for key in ("items", "to") if key in record]


def _length_text(record: Mapping[str, Any]) -> str:
    greatest = record.get("max_length", "")
    return f"{record['min_length']}-{greatest}" if "min_length" in record else str(greatest)
