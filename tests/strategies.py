"""Random records of modules and fields, as an answers file holds them."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from cofee.changes.rules import beside
from cofee.errors import CofeeError
from cofee.spec.checks import columns_of
from cofee.spec.field_rules import check_apart, check_constraints, check_json_name
from cofee.spec.module_rules import complete
from cofee.spec.names import Names, check_field_name, check_names, from_record
from cofee.spec.record import Field, Module
from cofee.template.template import Template
from tests.generated import read

Record = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
FACTS = Template(str(ROOT), "HEAD", ROOT).facts
STATED: dict[str, Record] = read("macros/types.yml")
# The types that every service has: others need what brings them.
TYPES = {name: entry for name, entry in STATED.items() if not {"target", "needs"} & {*entry}}

# Two texts that match each pattern, and one that does not; quotes, backslashes and other alphabets
# have to become string literals as a formatter would write them.
PATTERNS = [
    (r"^[A-Z]{3}-\d{4}$", ["ABC-0001", "XYZ-0042"], "abc"),
    (r"^\"\w+\"$", ['"a"', '"b"'], "a"),
    ("^'[a-z]\"?'$", ["'a'", "'b\"'"], "a"),
    ("^[а-я]+$", ["а", "б"], "a"),  # noqa: RUF001  # Cyrillic looks like Latin, and is not
    (r"^\\\d$", [r"\1", r"\2"], "1"),
    ("^(red|blue){1,9}" + "(?:green)?" * 9 + "$", ["red", "blue"], None),
]
# The modules, tables and classes that come with users and projects.
RESERVED_BY_OWNERS = {
    *("auth", "identities", "refresh_tokens", "users", "Identity", "RefreshToken", "User"),
    *("members", "project_members", "projects", "Member", "Project"),
}
JSON_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,9}(_[A-Za-z0-9]{1,4})?", fullmatch=True)
RESERVED_BY_SQL = ["order", "user", "group", "select", "date", "time", "table", "check", "end"]


def names(longest: int) -> st.SearchStrategy[str]:
    """Draw a name in snake case; a few have digits, and a few are as long as can be."""
    word = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
    short = st.lists(word, min_size=1, max_size=3).map("_".join)
    numbered = st.builds("item{}".format, st.integers(0, 12))
    long = st.lists(st.just("particular"), min_size=4, max_size=6).map("_".join)
    drawn = st.one_of(short, numbered, long, st.sampled_from(RESERVED_BY_SQL))
    return drawn.map(lambda name: name[:longest].rstrip("_"))


def completed(record: Record, later: Sequence[str] = ()) -> Record:
    """Return the record of a module once its rules are checked."""
    return complete(Module.from_record(record), FACTS, later).to_record()


def names_of(record: Record) -> Names:
    """Return the names of a recorded module."""
    return from_record(record["name"], record["entity"])


def with_rules(step: Record, before: Sequence[Record], after: Sequence[Record]) -> Record:
    """Return the record of a migration with the rules that its statements have to heed."""
    if step["operation"] == "change_fields":
        old = new = [change["old"]["name"] for change in step["changes"]]
    elif step["operation"] == "rename_field":
        old, new = [step["old"]["name"]], [step["new"]["name"]]
    else:
        return step
    sides = [
        Module.from_record(next(one for one in side if one["name"] == step["module"]))
        for side in (before, after)
    ]
    return {**step, **beside(sides[0], sides[1], old, new, FACTS)}


@st.composite
def modules(draw: st.DrawFn, most: int = 3) -> list[Record]:
    """Draw modules that may refer to one another, in cycles too."""
    found: list[Record] = []
    for name in draw(st.lists(names(40), min_size=1, max_size=most, unique=True)):
        entity = "".join(part.capitalize() for part in name.split("_")) + draw(
            st.sampled_from(["", "Row", "DetailOfSomething"])
        )
        try:
            check_names(from_record(name, entity), FACTS, map(names_of, found))
        except CofeeError:
            continue
        taken = {one["name"]: from_record(one["name"], one["entity"]).singular for one in found}
        if name in taken.values() or from_record(name, entity).singular in taken:
            continue  # the routes below what both refer to could be the same
        found.append({"name": name, "entity": entity, "fields": []})
    listed = [module["name"] for module in found]
    is_ring = draw(st.booleans())
    for place, module in enumerate(found, start=1):
        after = [draw(_reference(listed[place % len(listed)]))] if is_ring else []
        others = draw(st.lists(fields(listed[:place], listed[place:]), max_size=7))
        module["fields"] = _together([*others, *after], module["name"])
        found[place - 1] = draw(ruled(module, listed[place:]))
    return draw(owned(found))


@st.composite
def owned(draw: st.DrawFn, found: list[Record]) -> list[Record]:
    """Give some modules an owner, and so all modules that refer to them."""
    if not found:
        return found
    owner = draw(st.sampled_from(["user", "project"]))
    listed = [module["name"] for module in found]
    chosen = draw(st.one_of(st.just(set()), st.sets(st.sampled_from(listed)), st.just(set(listed))))
    if not chosen or any({one["name"], one["entity"]} & RESERVED_BY_OWNERS for one in found):
        return found
    while more := {one["name"] for one in found if chosen & _targets(one)} - chosen:
        chosen |= more
    try:
        return [
            completed({**one, "owned_by": owner}, listed[place:]) if one["name"] in chosen else one
            for place, one in enumerate(found, start=1)
        ]
    except CofeeError:
        return found


def _targets(module: Record) -> set[str]:
    return {field["to"] for field in module["fields"] if "to" in field}


def options_of(found: Sequence[Record]) -> Record:
    """Answer the options that the owners of modules need."""
    owners = {module.get("owned_by") for module in found}
    return {
        "auth": "none" if owners <= {None} else "jwt",
        "isolation": "project" if "project" in owners else "none",
    }


@st.composite
def ruled(draw: st.DrawFn, module: Record, later: Sequence[str] = ()) -> Record:
    """Give a module some rules beside its fields; those that do not go together are left out."""
    several = [field["name"] for field in module["fields"] if field["type"] != "many"]
    shared = [
        field["name"]
        for field in module["fields"]
        if field["type"] not in ("many", "one") and not field.get("unique")
    ]
    texts = [field["name"] for field in module["fields"] if FACTS.types[field["type"]].searchable]
    computed = [
        f"{field['name']}:{function}"
        for field in module["fields"]
        for function in FACTS.types[field["type"]].aggregates
    ]
    conditions = _checks(list(columns_of(Module.from_record(module), FACTS)))
    rules: Record = {
        "unique_together": _lists(shared, 2)
        | st.lists(_partial_keys(shared, conditions), max_size=2),
        "indexes": _lists(several, 1),
        "checks": st.lists(conditions, min_size=1, max_size=2, unique=True),
        "routes": st.just(["none"])
        | st.lists(st.sampled_from(FACTS.routes), min_size=1, max_size=6, unique=True),
        "search": _names_of(texts, 1),
        "aggregates": _names_of(["count", *computed], 1),
        "deletion": st.just("hard"),
        "versioned": st.just(True),
        "restorable": st.just(True),
    }
    for key in draw(st.lists(st.sampled_from(sorted(rules)), max_size=4, unique=True)):
        try:
            module = completed({**module, key: draw(rules[key])}, later)
        except CofeeError:
            continue
    return module


def _checks(columns: list[str]) -> st.SearchStrategy[str]:
    """Draw conditions; those that rows or columns cannot satisfy are refused later."""
    name = st.sampled_from(columns).map('"{}"'.format) if columns else st.just("1")
    operator = st.sampled_from(["<=", "<>", ">", "="])
    value = st.one_of(name, st.sampled_from(["0", "7", "1.5", "'it''s \"so\" %'", "length('a')"]))
    plain = st.builds("{} {} {}".format, name, operator, value)
    return st.one_of(plain, st.builds("({} OR {}) AND NOT {} IS NULL".format, plain, plain, name))


def _names_of(names: list[str], least: int) -> st.SearchStrategy[list[str]]:
    """Draw this number of names, or none if there are too few."""
    if len(names) < least:
        return st.just([])
    return st.lists(st.sampled_from(names), min_size=least, max_size=4, unique=True)


def _partial_keys(
    names: list[str], conditions: st.SearchStrategy[str]
) -> st.SearchStrategy[Record]:
    return st.fixed_dictionaries({"fields": _names_of(names, 1), "where": conditions})


def _lists(names: list[str], least: int) -> st.SearchStrategy[list[list[str]]]:
    if len(names) < least:
        return st.just([])
    return st.lists(_names_of(names, least), min_size=1, max_size=2, unique_by=tuple)


@st.composite
def _reference(draw: st.DrawFn, target: str) -> Record:
    """Draw a reference that any module can have."""
    record = {"name": draw(names(56)), "type": draw(st.sampled_from(["ref", "one", "many"]))}
    return {**record, "to": target} | ({} if record["type"] == "many" else {"nullable": True})


def _together(drawn: list[Record], module: str) -> list[Record]:
    """Leave out the fields that a module cannot have, alone or beside earlier ones."""
    found: list[Field] = []
    for record in drawn:
        field = Field.from_record(record)
        if is_free(record, module) and _is_apart(field, found):
            found.append(field)
    return [field.to_record() for field in found]


def _is_apart(field: Field, others: list[Field]) -> bool:
    try:
        check_apart(field, others, FACTS)
    except CofeeError:
        return False
    return True


def is_free(record: Record, module: str) -> bool:
    """Return whether a module of this name can have the field."""
    try:
        check_field_name(
            record["name"], FACTS, filterable="filter" in record, reference="to" in record
        )
        check_constraints(module, Field.from_record(record), FACTS)
        check_json_name(Field.from_record(record), FACTS)
    except CofeeError:
        return False
    return True


@st.composite
def fields(draw: st.DrawFn, known: list[str], later: Sequence[str] = ()) -> Record:
    """Draw a field of any type with any of its modifiers, for the last of the known modules."""
    kind = draw(st.sampled_from(sorted(TYPES)))
    record = {"name": draw(names(56)), "type": kind, **draw(_argument(kind, [*known, *later]))}
    modifiers = TYPES[kind]["modifiers"]
    chosen = draw(st.sets(st.sampled_from(modifiers))) if modifiers else set()
    if record.get("to") in {known[-1], *later} and kind != "many":
        chosen.add("null")
    for flag, key in {
        "null": "nullable",
        "index": "index",
        "filter": "filter",
        "sort": "sort",
    }.items():
        if flag in chosen:
            record[key] = True
    if "unique" in chosen:
        record["unique"] = True
        record |= {"nocase": True} if "nocase" in chosen else {}
    if "on_delete" in chosen:
        allowed = ["restrict", "cascade"] + (["set_null"] if "null" in chosen else [])
        record["on_delete"] = draw(st.sampled_from(allowed))
    record |= draw(_bounds(record, chosen))
    if "labels" in chosen:
        record["labels"] = {value: f'The "{value}": it\'s' for value in record["values"]}
    if "readonly" in chosen and ("nullable" in record or "default" in record):
        record["readonly"] = True
    elif "writeonly" in chosen and not {"unique", "filter", "sort"} & chosen:
        record["writeonly"] = True
    return record | ({"json_name": draw(JSON_NAMES)} if "as" in chosen else {})


@st.composite
def _argument(draw: st.DrawFn, kind: str, known: list[str]) -> Record:
    """Draw the argument and the modifiers of a type."""
    match TYPES[kind]["argument"]:
        case "precision":
            precision = draw(st.integers(1, 18))
            return {"precision": precision, "scale": draw(st.integers(0, precision))}
        case "values":
            choice = st.from_regex(r"[A-Za-z0-9_.-]{1,10}( [A-Za-z0-9_.-]{1,9})?", fullmatch=True)
            return {"values": draw(st.lists(choice, min_size=1, max_size=6, unique=True))}
        case "items":
            return {"items": draw(st.sampled_from(TYPES[kind]["items"]))}
        case "module":
            return {"to": draw(st.sampled_from(known))}
        case _:
            return {}


@st.composite
def _bounds(draw: st.DrawFn, record: Record, chosen: set[str]) -> Record:
    """Draw lengths, bounds, a default and a pattern that do not contradict one another."""
    if "pattern" in chosen:
        pattern, examples, counterexample = draw(st.sampled_from(PATTERNS))
        shown = {"pattern": pattern, "examples": examples}
        return shown | ({"counterexample": counterexample} if counterexample else {})
    if "len" in chosen:
        least, most = sorted(draw(st.lists(st.integers(1, 40), min_size=2, max_size=2)))
        sides = draw(
            st.sampled_from([["min_length"], ["max_length"], ["min_length", "max_length"]])
        )
        both = {"min_length": least, "max_length": most}
        return {key: both[key] for key in sides}
    computed = sorted(TYPES[record["type"]].get("computed", {}))
    if computed and chosen & {"default", "min", "max"} == {"default"} and draw(st.booleans()):
        return {"default": draw(st.sampled_from(computed))}
    values = _values(record)
    if values is None:
        return {}
    ordered = sorted(
        draw(st.lists(values, min_size=3, max_size=3, unique=True)), key=lambda pair: pair[0]
    )
    named = {key: pair[1] for key, pair in zip(("min", "default", "max"), ordered, strict=True)}
    return {key: value for key, value in named.items() if key in chosen}


def _values(record: Record) -> st.SearchStrategy[tuple[Any, Any]] | None:
    """Draw bounds that can be compared, with their record; nothing for types without bounds."""
    kind = TYPES[record["type"]]["value"]
    if kind == "choice":
        return st.sampled_from(record["values"] * 3).map(lambda v: (0, v)).flatmap(_apart)
    if kind == "boolean":
        return st.booleans().map(lambda v: (0, v)).flatmap(_apart)
    if kind == "decimal":
        edge = 10 ** record["precision"] - 1
        scale = record["scale"]
        numbers = st.integers(-edge, edge).map(lambda n: decimal.Decimal(n).scaleb(-scale))
        return numbers.map(lambda n: (n, format(n, "f")))
    return PLAIN.get(kind)


def _apart(pair: tuple[int, Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    """Give equal values different places, where values are not compared."""
    return st.integers(0, 99).map(lambda place: (place, pair[1]))


PLAIN: dict[str, st.SearchStrategy[tuple[Any, Any]]] = {
    "string": st.text("aé '\"\\\u2019😀b", min_size=1, max_size=9)
    .map(lambda text: f"x{text.strip()}")
    .map(lambda v: (v, v)),
    "integer": st.integers(-(2**31), 2**31 - 1).map(lambda v: (v, v)),
    "number": st.floats(-1e18, 1e18).map(lambda v: (v + 0.0, v + 0.0)),
    "date": st.dates().map(lambda v: (v, v.isoformat())),
    "datetime": st.datetimes().map(
        lambda v: (v.replace(microsecond=0), f"{v.replace(microsecond=0).isoformat()}Z")
    ),
    "time": st.times().map(
        lambda v: (v.replace(microsecond=0), v.replace(microsecond=0).isoformat())
    ),
    "seconds": st.timedeltas(dt.timedelta(days=-999_999), dt.timedelta(days=999_999)).map(
        lambda v: (int(v.total_seconds()), int(v.total_seconds()))
    ),
}
