"""Fields and modules as objects, and the records that answers keep of them.

A record is read at the edge by `from_record`, which rejects a wrong shape, and written there by
`to_record`. `spec.gate` checks what the values may be.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from cofee.errors import CofeeError, check_each, did_you_mean, listing, quote
from cofee.spec.facts import Facts
from cofee.spec.names import Names
from cofee.spec.names import from_record as names_of

Value = bool | int | float | str
Row = Mapping[str, Value]  # the values of a row, by column

WORKS = ("own_tools", "tasks")  # the keys of a module with its tasks and its tools
LABEL = 8  # the length of what tells a condition from others in names of constraints
ON_DELETE = ("restrict", "cascade", "set_null")

# The keys of a field record that each modifier writes.
FLAG_KEYS: Mapping[str, str] = {
    "null": "nullable",
    "unique": "unique",
    "nocase": "nocase",
    "index": "index",
    "filter": "filter",
    "sort": "sort",
    "readonly": "readonly",
    "writeonly": "writeonly",
    "expand": "expand",
}
MODIFIER_KEYS: Mapping[str, tuple[str, ...]] = {
    **{modifier: (key,) for modifier, key in FLAG_KEYS.items()},
    "default": ("default",),
    "min": ("min",),
    "max": ("max",),
    "len": ("min_length", "max_length"),
    "on_delete": ("on_delete",),
    "labels": ("labels",),
    "as": ("json_name",),
    "pattern": ("pattern", "examples", "counterexample"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a module. The order of the attributes is the order of the keys of a record."""

    name: str
    type: str
    precision: int | None = None
    scale: int | None = None
    values: tuple[str, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    enum: str | None = None
    items: str | None = None
    to: str | None = None
    nullable: bool = False
    unique: bool = False
    nocase: bool = False
    index: bool = False
    filter: bool = False
    sort: bool = False
    readonly: bool = False
    writeonly: bool = False
    expand: bool = False
    default: Value | None = None
    min: Value | None = None
    max: Value | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    examples: tuple[str, ...] = ()
    counterexample: str | None = None
    on_delete: str | None = None
    json_name: str | None = None
    extra: Mapping[str, object] = dataclasses.field(
        default_factory=dict
    )  # keys that only the template reads

    @classmethod
    def from_record(cls, record: object) -> Self:
        """Return the field of a record.

        Raises:
            CofeeError: it is not a record, or a value does not have the shape of its key.
        """
        if not isinstance(record, Mapping):
            raise CofeeError(
                f"{quote(record)} is not a field; it must be a record or a specification"
            )
        name = record.get("name")
        if not name or not isinstance(name, str):
            raise CofeeError("a field has no name; it needs a `name` and a `type`")
        if not record.get("type"):
            raise CofeeError(f"{quote(name)}: it has no type; it needs a `name` and a `type`")
        return cls(**_shaped(record, FIELD_SHAPES, quote(name)))

    def to_record(self) -> dict[str, object]:
        """Return the record; what is not set is absent."""
        return {**_written(self, KEYS), **self.extra}

    @property
    def column(self) -> str:
        """The column; a reference's ends in `_id`, and the links of `tags` are `tag_ids`."""
        if self.type == "many":
            return f"{_singular(self.name)}_ids"
        return f"{self.name}_id" if self.to is not None else self.name

    @property
    def in_json(self) -> Self:
        """The field with the name that clients use."""
        return dataclasses.replace(self, name=self.json_name or self.name, json_name=None)

    @property
    def given(self) -> tuple[str, ...]:
        """The keys that are set, except the name and the type."""
        return tuple(key for key in self.to_record() if key not in ("name", "type"))


@dataclass(frozen=True, slots=True)
class Task:
    """A task that works for the rows of a module, or a tool, with the fields of its arguments.

    One with `every` is scheduled: it starts at these times, without a row and without arguments.
    It also runs the jobs of the names in `was`, which it had before.
    """

    name: str
    fields: tuple[Field, ...] = ()
    every: str | None = None
    was: tuple[str, ...] = ()

    @classmethod
    def from_record(cls, record: object) -> Self:
        """Return the task of a record.

        Raises:
            CofeeError: it is not a record, or a value does not have the shape of its key.
        """
        if not isinstance(record, Mapping) or not isinstance(record.get("name"), str):
            raise CofeeError(f"{quote(record)} is not a task; it must be a record with a `name`")
        given = _shaped(record, TASK_SHAPES, quote(record["name"]))
        if extra := given.pop("extra"):
            raise CofeeError(
                f"{quote(record['name'])}: the key {quote(next(iter(extra)))} is unknown; "
                "keys of a task are `name`, `fields`, `every` and `was`"
            )
        check_each(Field.from_record, record.get("fields") or ())
        given["fields"] = tuple(map(Field.from_record, record.get("fields") or ()))
        return cls(**given)

    @property
    def title(self) -> str:
        """What the class of its arguments is called, after the entity of the module."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    def to_record(self) -> dict[str, object]:
        """Return the record; what is not set is absent."""
        fields = [field.to_record() for field in self.fields]
        every = {"every": self.every} if self.every else {}
        was = {"was": [*self.was]} if self.was else {}
        return {"name": self.name, "fields": fields, **every, **was}


@dataclass(frozen=True, slots=True)
class Key:
    """Fields whose values no two rows share, or no two of the rows that meet a condition.

    `where` is the condition, as in a check. `examples` are the columns that it names, in a row that
    meets it and in one that does not; of a reference they say whether it leads to a row.
    """

    fields: tuple[str, ...]
    where: str = ""
    examples: tuple[Mapping[str, Value | None], ...] = ()

    @classmethod
    def from_record(cls, record: object) -> Self:
        """Return the key of a list of fields, or of a mapping.

        Raises:
            CofeeError: a value does not have the shape of its key.
        """
        mapping = record if isinstance(record, Mapping) else {"fields": record}
        given = _shaped(mapping, KEY_SHAPES, "`unique_together`")
        if extra := given.pop("extra"):
            raise CofeeError(
                f"`unique_together`: the key {quote(next(iter(extra)))} is unknown; "
                f"keys are {listing(KEY_SHAPES)}"
            )
        if not given.get("fields"):
            raise CofeeError("`unique_together`: it must name at least one field")
        return cls(**given)

    def to_record(self) -> object:
        """Return a list of fields, or a mapping if there is a condition."""
        if not self.where:
            return [*self.fields]
        examples = {"examples": [dict(row) for row in self.examples]} if self.examples else {}
        return {"fields": [*self.fields], "where": self.where, **examples}

    def __str__(self) -> str:
        """Return the value of the option that gives the key."""
        return ",".join(self.fields) + (f":where={self.where}" if self.where else "")


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its names, its fields and its rules.

    `examples` are the values of two rows that satisfy the checks, where plain samples would not.
    Without `routes`, the module has all of them; with `none` alone, it has no routes. Without
    `deletion`, rows are marked as deleted.
    """

    name: str
    entity: str
    fields: tuple[Field, ...] = ()
    owned_by: str | None = None
    unique_together: tuple[Key, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    checks: tuple[str, ...] = ()
    examples: tuple[Row, ...] = ()
    routes: tuple[str, ...] = ()
    access: str | None = None
    search: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    deletion: str | None = None
    versioned: bool = False
    restorable: bool = False
    bulk: bool = False
    notify: tuple[str, ...] = ()
    idempotent: bool = False
    cache: int | None = None
    tools: tuple[str, ...] = ()
    embed: tuple[str, ...] = ()
    own_tools: tuple[Task, ...] = ()
    tasks: tuple[Task, ...] = ()
    extra: Mapping[str, object] = dataclasses.field(
        default_factory=dict
    )  # rules that only the template reads

    @classmethod
    def from_record(cls, record: object) -> Self:
        """Return the module of a record.

        Raises:
            CofeeError: it is not a record, or a value does not have the shape of its key.
        """
        if not isinstance(record, Mapping):
            raise CofeeError(f"{quote(record)} must be a module record")
        for key in ("name", "entity"):
            if not isinstance(record.get(key), str) or not record[key]:
                raise CofeeError(f"its `{key}` must be text, not {quote(record.get(key))}")
        if not isinstance(record.get("fields"), Sequence) or isinstance(record["fields"], str):
            raise CofeeError(f"its `fields` must be a list, not {quote(record.get('fields'))}")
        if record.get("routes") == []:  # every other empty rule has no effect
            raise CofeeError(
                "`routes`: a module must have at least one route",
                hint="omit the rule to have all routes, or write `[none]`",
            )
        check_each(Field.from_record, record["fields"])
        given = _shaped(record, MODULE_SHAPES)
        given["fields"] = tuple(map(Field.from_record, record["fields"]))
        check_each(Key.from_record, record.get("unique_together") or ())
        given["unique_together"] = tuple(map(Key.from_record, record.get("unique_together") or ()))
        for key in WORKS:
            check_each(Task.from_record, record.get(key) or ())
            given[key] = tuple(map(Task.from_record, record.get(key) or ()))
        return cls(**given)

    def to_record(self) -> dict[str, object]:
        """Return the record; what is not set is absent."""
        plain = {
            "name": self.name,
            "entity": self.entity,
            "fields": [field.to_record() for field in self.fields],
        }
        works = {
            key: [work.to_record() for work in getattr(self, key)]
            for key in WORKS
            if getattr(self, key)
        }
        return {**plain, **self.extra, **_written(self, RULES), **works}

    @property
    def names(self) -> Names:
        return names_of(self.name, self.entity)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that are set, those of the template alone included."""
        return (*self.extra, *_written(self, RULES))

    def with_rules(self, given: Mapping[str, object]) -> Self:
        """Return the module with other rules; one that is given empty is removed."""
        return self.from_record({**self.to_record(), **given})

    def field(self, name: str) -> Field:
        """Return the field of a name.

        Raises:
            CofeeError: it does not exist; the hint has a similar name.
        """
        known = {field.name: field for field in self.fields}
        if name in known:
            return known[name]
        raise CofeeError(
            f"the module `{self.name}` has no field {quote(name)}",
            hint=did_you_mean(name.removesuffix("_id"), known)
            or (f"its fields are {listing(known)}" if known else "it has no fields"),
        )


class Shape(NamedTuple):
    """What the value of a key must be, and whether a value is that."""

    words: str
    fits: Callable[[object], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_value(value: object) -> bool:
    is_infinite = isinstance(value, float) and not math.isfinite(value)
    return isinstance(value, Value) and not is_infinite


def _is_default(value: object) -> bool:
    return value == () or _is_value(value)


def _list_of(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(fits, value))


TEXT = Shape("text", _is_text)
WHOLE = Shape("an integer", _is_whole)
FLAG = Shape("true or false", _is_flag)
VALUE = Shape("text, a number, or true or false", _is_value)
DEFAULT = Shape("text, a number, true or false, or an empty list", _is_default)
TEXTS = Shape("a list of texts", _list_of(_is_text))
LABELS = Shape(
    "a text for each of the values",
    lambda value: isinstance(value, Mapping) and all(map(_is_text, value.values())),
)
LISTS = Shape("a list of lists of field names", _list_of(_list_of(_is_text)))
UNIQUE = Shape(
    "a list of lists of field names, or of mappings with `fields` and `where`",
    _list_of(lambda key: isinstance(key, Mapping) or _list_of(_is_text)(key)),
)
ROWS = Shape("a list of rows", _list_of(lambda row: isinstance(row, Mapping)))

KEYS = tuple(attribute.name for attribute in dataclasses.fields(Field) if attribute.name != "extra")
FIELD_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("name", "type", "enum", "items", "to", "pattern", "counterexample"), TEXT),
    **dict.fromkeys(("precision", "scale", "min_length", "max_length"), WHOLE),
    **dict.fromkeys(FLAG_KEYS.values(), FLAG),
    **dict.fromkeys(("min", "max"), VALUE),
    "default": DEFAULT,
    **dict.fromkeys(("values", "examples"), TEXTS),
    "labels": LABELS,
    **dict.fromkeys(("on_delete", "json_name"), TEXT),
}
PLAIN_KEYS = ("name", "entity", "fields")
MODULE_KEYS = tuple(
    attribute.name for attribute in dataclasses.fields(Module) if attribute.name != "extra"
)
RULES = MODULE_KEYS[3:]
MODULE_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("name", "entity"), TEXT),
    "fields": Shape("a list", lambda value: True),
    "owned_by": TEXT,
    "unique_together": UNIQUE,
    "indexes": LISTS,
    "checks": Shape("a list of conditions", _list_of(_is_text)),
    "examples": ROWS,
    "routes": Shape("a list of routes", _list_of(_is_text)),
    "search": Shape("a list of field names", _list_of(_is_text)),
    "aggregates": Shape("a list of aggregates, such as `price:sum`", _list_of(_is_text)),
    "access": TEXT,
    "deletion": TEXT,
    "versioned": FLAG,
    "restorable": FLAG,
    "bulk": FLAG,
    "cache": WHOLE,
    "notify": Shape("a list of changes", _list_of(_is_text)),
    "idempotent": FLAG,
    "tools": Shape("a list of routes", _list_of(_is_text)),
    "embed": Shape("a list of field names", _list_of(_is_text)),
    "own_tools": Shape("a list of tools", _list_of(lambda tool: isinstance(tool, Mapping))),
    "tasks": Shape("a list of tasks", _list_of(lambda task: isinstance(task, Mapping))),
}
KEY_SHAPES: Mapping[str, Shape] = {
    "fields": Shape("a list of field names", _list_of(_is_text)),
    "where": TEXT,
    "examples": ROWS,
}
TASK_SHAPES: Mapping[str, Shape] = {
    "name": TEXT,
    "fields": Shape("a list", _list_of(lambda field: isinstance(field, Mapping))),
    "every": TEXT,
    "was": Shape("a list of names", _list_of(_is_text)),
}


def _shaped(
    record: Mapping[object, object], shapes: Mapping[str, Shape], about: str = ""
) -> dict[str, Any]:
    """Return the values of a record by attribute, each in the shape of its key.

    A key without a value counts as absent. Keys without a shape are `extra`.
    """
    given: dict[str, Any] = {}
    extra: dict[str, object] = {}
    for key, value in record.items():
        name = str(key)
        if name not in shapes:
            extra[name] = value
        elif value is not None:
            given[name] = _frozen(value)
            if not shapes[name].fits(given[name]):
                raise CofeeError(
                    f"{about}{': ' if about else ''}`{name}` must be {shapes[name].words}, "
                    f"not {quote(value)}",
                    hint="put it in quotes" if shapes[name] in (TEXT, TEXTS) else None,
                )
    return {**given, "extra": extra}


def _frozen(value: object) -> object:
    """Return lists as tuples; YAML reads an unquoted date as one, and a record keeps text."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, Mapping):
        return {key: _frozen(entry) for key, entry in value.items()}
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _thawed(value: object) -> object:
    if isinstance(value, tuple):
        return [*map(_thawed, value)]
    if isinstance(value, Key):
        return value.to_record()
    return dict(value) if isinstance(value, Mapping) else value


def _written(record: Field | Module, keys: Sequence[str]) -> dict[str, object]:
    """Return the attributes that are set; `false` is a default like any other."""
    given = {key: getattr(record, key) for key in keys}
    return {
        key: _thawed(value)
        for key, value in given.items()
        if not (value is None or value in ((), {}) or (value is False and key != "default"))
    }


def _singular(name: str) -> str:
    """Remove a plural's ending exactly as the template does."""
    name = re.sub(r"(ss|x|ch|sh)es$", r"\1", re.sub(r"ies$", "y", name))
    return re.sub(r"([^su])s$", r"\1", name)


@dataclass(frozen=True)
class Scope:
    """The context of a field's rules.

    Attributes:
        modules: the other modules that a reference can name, in the order of the answers.
        module: its own, which is the last one unless `modules` contains it.
    """

    facts: Facts
    modules: Collection[str]
    module: str

    @property
    def later(self) -> list[str]:
        """The modules that are listed after the field's own."""
        listed = list(self.modules)
        return listed[listed.index(self.module) + 1 :] if self.module in listed else []

    def kind(self, record: Field) -> str:
        """Return how the default and the bounds of a field are read."""
        return self.facts.types[record.type].value


def reach(before: Sequence[Module], after: Sequence[Module]) -> set[str]:
    """Return the modules with files that a change can affect: changed modules and neighbours."""
    old = {module.name: module for module in before}
    new = {module.name: module for module in after}
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    targets = {
        (module.name, field.to)
        for module in (*before, *after)
        for field in module.fields
        if field.to is not None
    }
    neighbours = {name for pair in targets for name in pair if changed & set(pair)}
    return changed | neighbours
