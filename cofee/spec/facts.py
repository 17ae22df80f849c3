"""Facts about the code that a template generates: its `macros/facts.yml` and `types.yml`.

The command knows Python, SQL, git and Copier. What it must know of a template is read from there.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cofee.errors import CofeeError

if TYPE_CHECKING:
    from cofee.spec.record import Field


@dataclass(frozen=True, slots=True)
class FieldType:
    """One entry of a template's table of types; the comment in `types.yml` explains the keys."""

    name: str
    help: str = ""
    argument: str = "none"
    argument_default: Mapping[str, Any] = field(default_factory=dict)
    value: str = "none"
    modifiers: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    target: str | None = None
    computed: Mapping[str, object] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    max_length: int | None = None
    least: object = None
    greatest: object = None
    range: tuple[str, ...] = ()
    samples: tuple[object, ...] = ()
    extremes: tuple[object, ...] = ()
    aliases: tuple[str, ...] = ()
    searchable: bool = False
    aggregates: tuple[str, ...] = ()
    few: bool = False
    unique: str | None = None
    sqlite: str | None = None
    needs: Mapping[str, str] = field(default_factory=dict)
    column: object = True  # false for links of rows, which have a separate table


Types = Mapping[str, FieldType]


def read_types(table: object) -> dict[str, FieldType]:
    """Return a table of types, without what only the template reads."""
    if not isinstance(table, Mapping):
        return {}
    read = {attribute.name for attribute in dataclasses.fields(FieldType)} - {"name"}
    return {
        str(name): FieldType(
            str(name),
            **{key: _column_of_table(key, entry[key]) for key in read & entry.keys()},
        )
        for name, entry in table.items()
    }


def _column_of_table(key: str, value: object) -> Any:
    """Return a value of the table; YAML reads an unquoted `null` among modifiers as nothing."""
    if key == "modifiers" and isinstance(value, list):
        return tuple("null" if modifier is None else str(modifier) for modifier in value)
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Definition:
    """Where hand-written code defines names of one kind; the pattern's group is the name."""

    folder: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Rule:
    """A rule of modules; `kind` says how it is written and checked."""

    name: str
    kind: str
    option: str | None = None
    values: tuple[Any, ...] = ()
    is_stored: bool = False
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def flag(self) -> str:
        """The option that gives the rule."""
        return self.option or "--rule"

    def written(self, value: object) -> str:
        """Return the option that gives the rule a value, if it has no separate one."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f"--rule {self.name}={text}"


@dataclass(frozen=True)
class Owner:
    """Who can own rows: the column that says so, and the options that the service needs."""

    column: str
    path: str
    needs: Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """What fields can refer to in addition to modules, and the answer that brings it.

    Attributes:
        entity: its class.
        fields: the answer that records more fields of it; None if it cannot have any.
        type: the only type of fields that refer to it; None if every reference can.
    """

    option: str
    answer: str
    entity: str = ""
    fields: str | None = None
    type: str | None = None


@dataclass(frozen=True)
class Facts:
    """What a template states about its services; see `macros/facts.yml`."""

    types: Types
    packages: tuple[str, ...]
    modules: tuple[str, ...]  # folders of modules; the first holds their code
    migrations: str
    lock: str
    definitions: Mapping[str, Definition]
    classes: tuple[str, ...]
    field_classes: tuple[str, ...]
    routes: tuple[str, ...]
    rules: Mapping[str, Rule]
    owners: Mapping[str, Owner]
    key_keys: tuple[str, ...]  # of a rule of the kind `key` that has a condition
    added_columns: Mapping[str, str]
    added_parameters: Mapping[str, str]
    null_ending: str
    names: Mapping[str, str]
    argument_keys: Mapping[str, tuple[str, ...]]
    stored_keys: tuple[str, ...]
    default_type: str
    reserved: Mapping[str, Mapping[str, re.Pattern[str]]]  # by what is named, then by reason
    brought: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)

    def folders(self, module: str) -> list[str]:
        """Return the folders of a module; the first holds its code."""
        return [f"{folder}/{module}" for folder in self.modules]

    def classes_of(self, entity: str) -> list[str]:
        """Return the classes of a module."""
        return [f"{entity}{ending}" for ending in self.classes]

    def field_classes_of(self, entity: str) -> frozenset[str]:
        """Return the classes of a module that have its fields as attributes."""
        return frozenset(f"{entity}{ending}" for ending in self.field_classes)

    def name(self, kind: str, table: str, columns: str = "") -> str:
        """Return the name of an index or a constraint."""
        return self.names[kind].format(table=table, columns=columns, label=columns, field=columns)

    def conflict(self, kind: str, name: str) -> str | None:
        """Return what a name conflicts with; `kind` is a key of `reserved`."""
        groups = self.reserved[kind].items()
        return next((reason for reason, names in groups if names.fullmatch(name)), None)

    def brings(self, name: str) -> str | None:
        """Return the option and answer that add a module, table or class of this name."""
        found = (
            f"{option}: {answer}"
            for option, answers in self.brought.items()
            for answer, names in answers.items()
            if name in names
        )
        return next(found, None)

    def available(self, answers: Mapping[str, object]) -> list[str]:
        """Return the targets that the answers of a service bring."""
        return [
            name
            for name, target in self.targets.items()
            if answers.get(target.option, "none") != "none"
        ]

    def parameters(self, field: Field) -> list[str]:
        """Return the query parameters that select rows by a field."""
        if not field.filter:
            return []
        name = field.column.removesuffix("s") if self.is_link(field.type) else field.column
        endings = [*self.types[field.type].range, self.null_ending if field.nullable else ""]
        return [name, *(f"{name}_{ending}" for ending in endings if ending)]

    def is_link(self, type_name: str) -> bool:
        """Return whether fields of a type are kept in a table of links, and have no column."""
        return not self.types[type_name].column

    def index_kind(self, field: Field) -> str:
        """Return which index a field has besides that of `unique` or of a reference, or nothing."""
        lists_have_indexes = "list" in self.names
        if field.sort and lists_have_indexes:
            return "choice, sort" if field.filter and self.types[field.type].few else "sort"
        if self.is_link(field.type) or field.to is not None or self.is_unique(field):
            return ""
        if field.filter and lists_have_indexes:
            return "filter"
        return "index" if field.index or field.filter else ""

    def is_unique(self, field: Field) -> bool:
        """Return whether no two rows share a field's value."""
        return field.unique or self.types[field.type].unique == "always"


def read_facts(
    stated: Mapping[str, Any], types: Mapping[str, Mapping[str, Any]], where: str
) -> Facts:
    """Read the facts of a template.

    Args:
        stated: the content of `macros/facts.yml`.
        types: the content of `macros/types.yml`.
        where: the name of their file in errors.

    Raises:
        CofeeError: a fact is missing, or has another form.
    """
    try:
        return _read(stated, types)
    except KeyError as error:
        raise CofeeError(
            f"{where} has no {error}", hint="add it to `macros/facts.yml` of the template"
        ) from error
    except (AttributeError, TypeError, ValueError, re.error) as error:
        raise CofeeError(
            f"{where} is invalid: {error}", hint="fix `macros/facts.yml` of the template"
        ) from error


def _read(stated: Mapping[str, Any], types: Mapping[str, Mapping[str, Any]]) -> Facts:
    layout = stated["layout"]
    definitions = stated["definitions"].items()
    return Facts(
        types=read_types(types),
        packages=tuple(layout["packages"]),
        modules=tuple(layout["modules"]),
        migrations=layout["migrations"],
        lock=layout["lock"],
        definitions={
            name: Definition(one["folder"], re.compile(one["pattern"])) for name, one in definitions
        },
        classes=tuple(stated["classes"]),
        field_classes=tuple(stated["field_classes"]),
        routes=tuple(stated["routes"]),
        rules={name: _rule(name, **rule) for name, rule in stated["rules"].items()},
        owners={
            name: Owner(owner["column"], owner["path"], owner["needs"])
            for name, owner in stated["owners"].items()
        },
        key_keys=tuple(stated["key_keys"]),
        added_columns=dict(stated["added_columns"]),
        added_parameters=dict(stated["added_parameters"]),
        null_ending=stated["null_ending"],
        names=dict(stated["names"]),
        argument_keys={name: tuple(keys) for name, keys in stated["argument_keys"].items()},
        stored_keys=tuple(stated["stored_keys"]),
        default_type=stated["default_type"],
        reserved={
            kind: {reason: re.compile("|".join(names)) for reason, names in groups.items()}
            for kind, groups in stated["reserved"].items()
        },
        brought={
            option: {answer: tuple(names) for answer, names in answers.items()}
            for option, answers in stated["brought"].items()
        },
        targets={
            name: Target(
                target["option"],
                target["answer"],
                target["entity"],
                target.get("fields"),
                target.get("type"),
            )
            for name, target in stated["targets"].items()
        },
    )


def _rule(name: str, values: Any = (), **rest: Any) -> Rule:
    return Rule(name, values=tuple(values), **rest)
