"""A step: the modules after a change, and the migration to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cofee.errors import CofeeError, did_you_mean
from cofee.spec import names
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Module

Modules = Sequence[Module]


@dataclass(frozen=True)
class Renaming:
    """Renamed names of a module, for references in hand-written code.

    `classes` and `attributes` map old names to new ones; `owners` are the classes whose attributes
    they are, by their new names. `url` is an old one, which only a text can contain. `parts`
    are what generated names contain. `places` are packages that keep their names, in which classes
    and functions are renamed.
    """

    module: str
    owners: frozenset[str]
    attributes: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The words of which a file with an old name contains one."""
        packages = [package.rpartition(".")[2] for package in self.packages]
        return [*self.attributes, *self.classes, *packages, *filter(None, [self.url])]


@dataclass(frozen=True)
class Migration:
    """The migration that leads from the modules before a step to those after it.

    Attributes:
        details: other data for the template, as records.
        filled: the fields whose existing rows get a value.
    """

    operation: str
    slug: str
    module: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    filled: tuple[Field, ...] = ()

    def to_record(self) -> dict[str, object]:
        """Return the record of the migration, without its place in the chain."""
        module = {} if self.module is None else {"module": self.module}
        return {**self.details, "operation": self.operation, "slug": self.slug, **module}


@dataclass(frozen=True)
class Step:
    """One change of the recorded answers.

    Attributes:
        modules: the modules as they will be.
        migration: the migration for it; None if the database does not change.
        moves: folders of the project that are renamed.
        warnings: what the change narrows, each a sentence.
        takes_away: whether it removes generated code and the manual edits in it.
        answers: other answers that change.
        more: the migrations of other modules, after the first.
    """

    command: str
    modules: Modules
    migration: Migration | None
    moves: Mapping[str, str] = field(default_factory=dict)
    renaming: Renaming | None = None
    warnings: tuple[str, ...] = ()
    takes_away: bool = False
    answers: Mapping[str, object] = field(default_factory=dict)
    more: tuple[Migration, ...] = ()


def names_module(name: str, module: str) -> bool:
    """Return whether a name is that of a module, in any spelling."""
    return name == module or names.derive(name).module == module


def find(modules: Modules, name: str, facts: Facts) -> Module:
    """Return a module by any spelling of its name.

    Args:
        facts: distinguish a module that an option brings along from an unknown one.

    Raises:
        CofeeError: it does not exist; the hint has a similar name.
    """
    known = {module.name: module for module in modules}
    if name in known:
        return known[name]
    derived = names.derive(name).module
    if derived in known:
        return known[derived]
    raise CofeeError(
        f"there is no module `{name}`",
        hint=_hint_of_brought(derived, facts)
        or did_you_mean(derived, known)
        or "`cofee status` lists the modules",
    )


def _hint_of_brought(name: str, facts: Facts) -> str | None:
    """Return how to change what an option brings, or None if no option brings it."""
    option = facts.brings(name)
    if option is None:
        return None
    return f"the {name} of `{option}` have their own code: edit it, and write a migration"
