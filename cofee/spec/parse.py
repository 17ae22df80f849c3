"""The field language: converts `total:decimal:12.2:min=0` to a field and back.

    specification = name [":" type [":" argument] {":" modifier}]
    modifier      = "null" | "unique" | "nocase" | "index" | "filter" | "sort"
                  | "default=" value | "min=" value | "max=" value
                  | "len=" [least "-"] greatest | "len=" least "-"
                  | "labels=" text {"," text} | "on_delete=" rule | "as=" name | "pattern=" rest

A name alone is a `str`. `pattern=` takes the rest of the specification, colons included, so it
must be last. In other values a colon is written `\\:` and a backslash `\\\\`. Dates and times need
no separators, so no colon is needed: `min=20260131T093000Z`, `default=0930`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from cofee.errors import CofeeError, quote
from cofee.spec import bounds, field_rules, values
from cofee.spec.facts import Facts, FieldType
from cofee.spec.patterns import check_match
from cofee.spec.record import FLAG_KEYS, MODIFIER_KEYS, Field, Scope, Value

LENGTH = re.compile(r"((?P<least>[0-9]{1,9})-)?(?P<greatest>[0-9]{1,9})?")
PRECISION = re.compile(r"(?P<precision>[0-9]{1,9})\.(?P<scale>[0-9]{1,9})")
# A colon ends a segment unless it follows a backslash.
SEGMENT = re.compile(r"(?:\\[\\:]|[^:])*")
LONGEST_SPECIFICATION = 10_000
BACKFILL = "value of `--backfill`"

ARGUMENT_EXAMPLES = {
    "precision": "its digits in total and after the decimal point, such as `12.2`",
    "values": "its values, such as `draft,paid`, or a shared enum, such as `@OrderStatus`",
    "items": "the type of its items, such as `str`",
    "dimension": "the length of its vectors, such as `384`",
    "media_types": "the media types that it accepts, such as `image/png,image/jpeg`",
    "module": "the module that it refers to, such as `customers`",
}


def parse_field(spec: str, facts: Facts, modules: Collection[str], module: str) -> Field:
    """Return the field of one specification.

    Args:
        spec: the text, such as `total:decimal:12.2:min=0`.
        facts: what the template states.
        modules: the other modules that a reference can name; see `Scope`.
        module: the module that gets the field.

    Raises:
        CofeeError: what is wrong with it, and what is allowed.
    """
    scope = Scope(facts, modules, module)
    return field_rules.complete(_specified(spec, scope), scope)


def read_field(given: Field | Mapping[str, object] | str, scope: Scope) -> Field:
    """Return a field from a specification or a record; its rules are not checked yet.

    Raises:
        CofeeError: it is not one of them, or malformed.
    """
    if isinstance(given, str):
        return _specified(given, scope)
    return given if isinstance(given, Field) else Field.from_record(given)


def read_backfill(field: Field, value: str, facts: Facts) -> Value:
    """Read a value for existing rows, by the rules of the field's default.

    Raises:
        CofeeError: the value does not fit the field, or its type has no values that can be written.
    """
    scope = Scope(facts, (), "")
    if "default" in facts.types[field.type].modifiers:
        read = bounds.read_value(field, BACKFILL, value, scope)
        bounds.check_value(field, BACKFILL, read, scope)
        check_match(field, BACKFILL, str(read), scope)
        return read
    kind = "uuid" if field.to is not None else scope.kind(field)
    try:
        return values.read(kind, value)
    except ValueError as error:
        expected = values.EXPECTED.get(
            kind, "empty: make the field `null` and set its values in SQL"
        )
        raise CofeeError(f"`{field.name}`: {quote(value)} must be {expected}") from error


def format_field(field: Field, facts: Facts | None = None) -> str:
    """Return the specification of a field; parsing it gives the field again.

    A specification has no examples; parsing finds them again. With the facts,
    moments are written without colons; without them, their colons are escaped.
    """
    kind = facts.types[field.type].value if facts and field.type in facts.types else None
    parts = [field.name, field.type, *_argument_text(field)]
    parts += [modifier for modifier, key in FLAG_KEYS.items() if getattr(field, key)]
    for key in ("default", "min", "max"):
        if (value := getattr(field, key)) is not None:
            parts.append(f"{key}={escape(values.write(kind, value))}")
    if field.min_length is not None or field.max_length is not None:
        parts.append(f"len={_length_text(field)}")
    if field.labels:
        parts.append(f"labels={escape(','.join(field.labels.values()))}")
    named = {"on_delete": field.on_delete, "as": field.json_name, "pattern": field.pattern}
    return ":".join([*parts, *(f"{key}={text}" for key, text in named.items() if text)])


def modifiers(field: Field) -> list[str]:
    """Return the modifiers that a field has."""
    return [name for name, keys in MODIFIER_KEYS.items() if {*keys} & {*field.given}]


def escape(value: str) -> str:
    """Write a value so that its colons do not end it."""
    return value.replace("\\", "\\\\").replace(":", "\\:")


def _specified(spec: str, scope: Scope) -> Field:
    """Return the field that a specification spells out; its values are still text."""
    if len(spec) > LONGEST_SPECIFICATION:
        raise CofeeError(
            f"{quote(spec)} must not be longer than {LONGEST_SPECIFICATION} characters",
            hint="define the field in a file with `--from`",
        )
    segments = _split(spec)
    name = segments.pop(0)
    type_name = segments.pop(0) if segments else scope.facts.default_type
    if type_name not in scope.facts.types:
        field_rules.check_name(name, scope.facts)
        _check_type_is_there(name, type_name, scope)
    field_rules.check_type(name, type_name, scope.facts)
    argument = scope.facts.types[type_name].argument
    raw: dict[str, object] = {"name": name, "type": type_name}
    if argument != "none":
        raw |= _read_argument(name, scope.facts.types[type_name], segments)
    field_rules.check_name(name, scope.facts, reference="to" in raw)
    seen: set[str] = set()
    for segment in segments:
        modifier = segment.partition("=")[0]
        field_rules.check_modifier(name, type_name, modifier, scope)
        if modifier in seen:
            raise CofeeError(
                f"`{name}`: the modifier `{modifier}` is given twice", hint="give it once"
            )
        seen.add(modifier)
        raw |= _read_modifier(name, segment)
    if "labels" in raw:
        raw["labels"] = _read_labels(name, str(raw["labels"]), raw["values"])
    return Field.from_record(raw)


def _split(spec: str) -> list[str]:
    """Split at colons; a pattern contains the rest of the text."""
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


def _check_type_is_there(name: str, found: str, scope: Scope) -> None:
    """Reject a modifier or a module in the place of the type."""
    word = found.partition("=")[0]
    if found in (*scope.modules, scope.module):
        refers = next(t.name for t in scope.facts.types.values() if t.argument == "module")
        raise CofeeError(
            f"`{name}`: `{found}` is a module, and no type",
            hint=f"did you mean `{name}:{refers}:{found}`?",
        )
    if word in FLAG_KEYS or "=" in found or not word:
        raise CofeeError(
            f"`{name}`: the type is missing before {quote(found)}",
            hint=f"write the type first: `{name}:str:{found}`"
            if found
            else f"`{name}` without a type is a `str`",
        )


def _read_argument(name: str, entry: FieldType, segments: list[str]) -> dict[str, object]:
    """Remove the type's argument from the segments and return it."""
    argument = entry.argument
    text = segments[0] if segments else ""
    if argument == "values" and text.startswith("@"):
        shared, _, values = segments.pop(0)[1:].partition("=")
        return {"enum": shared, "values": values.split(",") if values else []}
    if not text or text in FLAG_KEYS or "=" in text:
        if argument in entry.argument_default:
            return {}
        wanted = ARGUMENT_EXAMPLES.get(argument, f"its {argument}")
        raise CofeeError(f"{quote(name)}: `{entry.name}` needs {wanted}")
    segments.pop(0)
    if argument == "values":
        return {"values": text.split(",")}
    if argument == "media_types":
        return {"to": entry.target, "media_types": text.split(",")}
    if argument == "precision":
        found = PRECISION.fullmatch(text)
        if found is None:
            wanted = ARGUMENT_EXAMPLES["precision"]
            raise CofeeError(f"{quote(name)}: {quote(text)} must be {wanted}")
        return {key: int(digits) for key, digits in found.groupdict().items()}
    if argument == "dimension":
        return {"dimension": int(text) if text.isdecimal() else text}
    return {"to" if argument == "module" else argument: text}


def _read_modifier(name: str, segment: str) -> Mapping[str, object]:
    modifier, equals, value = segment.partition("=")
    if modifier in FLAG_KEYS:
        if equals:
            raise CofeeError(
                f"`{name}`: `{modifier}` takes no value", hint=f"remove {quote('=' + value)}"
            )
        return {FLAG_KEYS[modifier]: True}
    if not equals or (not value and modifier != "default"):
        raise CofeeError(f"`{name}`: `{modifier}` needs a value: `{modifier}=…`")
    if modifier == "len":
        return _read_length(name, value)
    (key, *_) = MODIFIER_KEYS[modifier]
    return {key: value if modifier == "pattern" else _unescape(value)}


def _read_length(name: str, value: str) -> dict[str, int]:
    """Read `40` as the greatest length, `3-40` as both, `3-` as the least."""
    found = LENGTH.fullmatch(value)
    if found is None or not value:
        raise CofeeError(
            f"`{name}`: the length {quote(value)} is not allowed; "
            "write `len=40`, `len=3-40` or `len=3-`"
        )
    bounds = {"min_length": found["least"], "max_length": found["greatest"]}
    return {key: int(digits) for key, digits in bounds.items() if digits}


def _read_labels(name: str, text: str, values: Any) -> dict[str, str]:
    labels = text.split(",")
    if len(labels) != len(values):
        raise CofeeError(
            f"`{name}`: {quote(text)} must be {len(values)} labels, one for each of the values",
            hint="separate them with commas, such as `labels=Being written,Paid`",
        )
    return dict(zip(values, labels, strict=True))


def _unescape(value: str) -> str:
    return re.sub(r"\\([\\:])", r"\1", value)


def _argument_text(field: Field) -> list[str]:
    if field.precision is not None:
        return [f"{field.precision}.{field.scale}"]
    if field.values:
        shared = f"@{field.enum}=" if field.enum else ""
        return [f"{shared}{','.join(field.values)}"]
    if (media_types := field.extra.get("media_types")) is not None:
        return [",".join(map(str, media_types))] if isinstance(media_types, list) else []
    if (dimension := field.extra.get("dimension")) is not None:
        return [str(dimension)]
    return [text for text in (field.items, field.to) if text is not None]


def _length_text(field: Field) -> str:
    greatest = "" if field.max_length is None else field.max_length
    return str(greatest) if field.min_length is None else f"{field.min_length}-{greatest}"
