"""The names of a module, derived from the name that a user typed."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cofee.errors import CofeeError, quote
from cofee.spec import reserved

if TYPE_CHECKING:
    from cofee.spec.facts import Facts

# PostgreSQL shortens longer identifiers silently, so that two of them can clash.
LONGEST_IDENTIFIER = 63

TYPED_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+)*")
CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
FIELD_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")

# Where the library's rules return an unusual word.
WITH_S = (
    "ache", "avalanche", "brioche", "cache", "cliche", "headache", "moustache", "niche",
    "pastiche", "psyche", "quiche", "selfie", "tranche",
)  # fmt: skip
IRREGULAR = {
    **{"axis": "axes", "bias": "biases", "lens": "lenses", "virus": "viruses", "index": "indexes"},
    **{"ellipsis": "ellipses", "ibis": "ibises", "oasis": "oases", "trellis": "trellises"},
    **{word: f"{word}s" for word in WITH_S},
}
UNCOUNTABLE = ("chaos", "cosmos", "data", "metadata", "species")
# Letters without an accent that could be left out.
LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
)


@dataclass(frozen=True)
class Names:
    """One module's names; `singular` names variables and error texts."""

    module: str
    entity: str
    table: str
    url: str
    singular: str

    def summary(self, facts: Facts) -> str:
        """Return the line that is shown before anything is written."""
        folder = facts.folders(self.module)[0]
        return f"{self.entity} · table {self.table} · {self.url} · {folder}"


def derive(name: str, entity: str | None = None, plural: str | None = None) -> Names:
    """Return all names of a module.

    Args:
        name: `order-items`, `OrderItem`, `order_items` or `order item` mean the same.
        entity: the class name instead of the derived one.
        plural: the module's name instead of the derived plural.

    Raises:
        CofeeError: a name is not an identifier, or is a path.
    """
    words = _words(name, "module")
    module = "_".join(_words(plural, "module") if plural is not None else _ending(words, _plural))
    return from_record(module, _class_name(words, entity))


def plural_of(singular: str) -> str:
    """Return the name that the module of an entity has by default."""
    words = _ascii_words(singular)
    return "_".join(_ending(words, _plural)) if words else singular


def snake_name(name: str, what: str) -> str:
    """Return a typed name in snake case.

    Raises:
        CofeeError: it is not an identifier, or is a path.
    """
    return "_".join(_words(name, what))


def from_record(module: str, entity: str) -> Names:
    """Return all names of a recorded module."""
    return Names(
        module=module,
        entity=entity,
        table=module,
        url=f"/{module.replace('_', '-')}",
        singular=snake(entity),
    )


def snake(entity: str) -> str:
    """Return the snake case of a class name, exactly as the template computes it."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", entity).lower()


def check_names(
    names: Names,
    facts: Facts,
    others: Iterable[Names] = (),
    *,
    folders: Collection[str] = (),
    tables: Collection[str] = (),
    classes: Collection[str] = (),
    routes: Collection[str] = (),
) -> None:
    """Reject names that the service cannot have, with a reason and a suggestion.

    Args:
        names: what `derive` gave.
        others: the names of the recorded modules.
        folders: the folders of modules that exist already, recorded or not.
        tables: existing tables besides those of the recorded modules.
        classes: existing classes besides those of the recorded modules.
        routes: URL prefixes under `/api/v1` that exist besides those of the recorded modules.

    Raises:
        CofeeError: a name is reserved, taken or too long.
    """
    _check_spelling(names)
    _check_reserved(names, facts)
    for other in others:
        _check_apart(names, other, facts)
    for what, value, taken in (
        ("module folder", names.module, folders),
        ("table", names.table, tables),
        ("class", names.entity, classes),
        ("route", names.url, routes),
    ):
        if value in taken:
            raise CofeeError(f"the {what} `{value}` exists already", hint=_another(names))


def check_field_name(
    name: str, facts: Facts, *, filterable: bool = False, reference: bool = False
) -> None:
    """Reject a field name that generated code cannot have, and suggest another.

    Args:
        name: the field as it is declared.
        filterable: it becomes a query parameter of the list endpoint too.
        reference: it becomes a relationship of this name and a column `<name>_id`.

    Raises:
        CofeeError: the name is not in snake case, or is reserved.
    """
    if not FIELD_NAME.fullmatch(name):
        raise CofeeError(
            f"{quote(name)} is not a field name; a-z, 0-9 and single underscores are allowed",
            hint=f"try `{_suggest_field(name, facts)}`",
        )
    reason = facts.conflict("fields", name)
    if reason is None and filterable:
        reason = facts.conflict("filters", name)
    if reason is not None:
        raise CofeeError(
            f"{quote(name)} cannot name a field: it is {reason}",
            hint=f"try `{reserved.better_field(name)}`",
        )
    if reference and name.endswith("_id"):
        short = _suggest_field(name.removesuffix("_id"), facts)
        raise CofeeError(
            f"the reference {quote(name)} would get the column `{name}_id`; "
            "omit `_id`, which its column has anyway",
            hint=f"try `{short}`",
        )


def check_length(field: str, name: str) -> None:
    """Reject a field with a name in the database that is too long for PostgreSQL.

    Raises:
        CofeeError: the name is too long, and by how much.
    """
    excess = len(name) - LONGEST_IDENTIFIER
    if excess > 0:
        raise CofeeError(
            f"the field {quote(field)} is {excess} characters too long: PostgreSQL names hold "
            f"{LONGEST_IDENTIFIER}, and {quote(name)} is one",
            hint="use a shorter field name, or a shorter module name with `--plural`",
        )


def _words(name: str, what: str) -> list[str]:
    """Return the lower-case words of a name, or reject it."""
    if not TYPED_NAME.fullmatch(name):
        raise CofeeError(_why_no_name(name, what), hint=f"try `{_suggest_module(name)}`")
    text = re.sub(r"([A-Z]{2,})([A-Z][a-z])", r"\1_\2", name)
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower()
    # A word of digits is joined to the one before it, because a class name does not separate them.
    return re.split(r"[ _-]", re.sub(r"[ _-](?=[0-9])", "", text))


def _why_no_name(name: str, what: str) -> str:
    if not name.strip():
        return f"the {what} name is empty"
    if "/" in name or "\\" in name or ".." in name:
        return f"{quote(name)} is a path; it must be a name"
    return (
        f"{quote(name)} is not a {what} name; allowed are letters a-z, digits, and single dashes "
        "or underscores between words, starting with a letter"
    )


def _class_name(words: list[str], entity: str | None) -> str:
    if entity is not None and CLASS_NAME.fullmatch(entity):
        return entity
    chosen = _ending(words, _singular) if entity is None else _words(entity, "class")
    return "".join(word.capitalize() for word in chosen)


def _ending(words: list[str], number: Callable[[str], str]) -> list[str]:
    """Return the words with the last one in the singular or plural, if a rule applies."""
    changed = number(words[-1])
    return [*words[:-1], changed if TYPED_NAME.fullmatch(changed) else words[-1]]


@functools.cache
def _pluralizer() -> Any:
    """Return the rules of English plurals, loaded once and only if needed."""
    from pluralizer import Pluralizer

    rules = Pluralizer()  # type: ignore[no-untyped-call]  # The library declares no types.
    for one, many in IRREGULAR.items():
        rules.add_irregular_rule(one, many)
    for word in UNCOUNTABLE:
        rules.add_uncountable_rule(word)
    return rules


def _singular(word: str) -> str:
    return str(_pluralizer().singular(word))


def _plural(word: str) -> str:
    return str(_pluralizer().plural(_singular(word)))


def _check_spelling(names: Names) -> None:
    """Reject recorded names that `derive` would not return."""
    if not FIELD_NAME.fullmatch(names.module):
        raise CofeeError(
            f"{quote(names.module)} is not in snake case; a-z, 0-9 and single underscores are "
            "allowed",
            hint=f"try `{'_'.join(_ascii_words(names.module)) or 'items'}`",
        )
    if not CLASS_NAME.fullmatch(names.entity):
        words = _ascii_words(names.entity) or ["item"]
        raise CofeeError(
            f"the entity {quote(names.entity)} is not in CamelCase; A-Z, a-z and 0-9 are allowed",
            hint=f"try `{''.join(word.capitalize() for word in words)}`",
        )


def _check_reserved(names: Names, facts: Facts) -> None:
    reason = facts.conflict("classes", names.entity)
    if reason is not None:
        raise CofeeError(
            f"`{names.entity}` cannot name a class: it is {reason}",
            hint=f"try `--entity {_better_class(names.entity)}`, or another module name",
        )
    reason = facts.conflict("modules", names.module)
    if reason is not None:
        raise CofeeError(
            f"`{names.module}` cannot name a module: it is {reason}",
            hint=f"try `--plural {names.module}_records`",
        )
    longest = facts.name("primary_key", names.table)
    if len(longest) > LONGEST_IDENTIFIER:
        raise CofeeError(
            f"the table `{names.table}` is {len(longest) - LONGEST_IDENTIFIER} characters too long:"
            f" PostgreSQL names hold {LONGEST_IDENTIFIER}, and `{longest}` is one",
            hint="use a shorter module name",
        )


def _check_apart(names: Names, other: Names, facts: Facts) -> None:
    """Reject names that two modules of a service cannot share."""
    if names.module == other.module:
        raise CofeeError(f"the module `{names.module}` exists already", hint=_another(names))
    shared = {*facts.classes_of(names.entity)} & {*facts.classes_of(other.entity)}
    if shared:
        raise CofeeError(
            f"the class `{min(shared)}` exists already, in the module `{other.module}`",
            hint="choose another class name with `--entity`",
        )
    if names.singular == other.singular:
        raise CofeeError(
            f"`{names.entity}` and `{other.entity}` of the module `{other.module}` would both be "
            f"called `{names.singular}` in code",
            hint="choose another class name with `--entity`",
        )


def _better_class(entity: str) -> str:
    """Return an available class name with the same meaning."""
    rest = entity.removeprefix(reserved.TESTS)
    if rest == entity:
        return f"{entity}Record"
    return f"{rest}{reserved.TESTS}" if CLASS_NAME.fullmatch(rest) else f"Lab{entity}"


def _another(names: Names) -> str:
    singular = names.singular.replace("_", "-")
    return f"choose another name, such as `{singular}-records`"


def _ascii_words(text: str) -> list[str]:
    """Return the characters that a name can have, without accents."""
    spelt = text[:200].translate(LETTERS)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", plain).lower()
    found = re.findall(r"[a-z0-9]+", spaced)
    while found and found[0][0].isdigit():
        found = [found[0].lstrip("0123456789"), *found[1:]]
        found = [word for word in found if word]
    return found


def _suggest_module(name: str) -> str:
    return "-".join(_ascii_words(name)) or "items"


def _suggest_field(name: str, facts: Facts) -> str:
    words = _ascii_words(name)
    suggestion = "_".join(words) or "label"
    is_reserved = facts.conflict("fields", suggestion)
    return reserved.better_field(suggestion) if is_reserved else suggestion
