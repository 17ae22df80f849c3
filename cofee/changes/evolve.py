"""What a change of a module means for the recorded modules, and for its migration.

Nothing here renders or writes: each function turns the recorded modules into the ones that follow,
and says which migration leads from the one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cofee.changes import rows
from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec import field_rules, module_rules, names, parse, references, reserved
from cofee.spec.names import Names

Module = Mapping[str, Any]
Modules = Sequence[Module]


@dataclass(frozen=True)
class Renaming:
    """Names of a module that become others, for the lines that nobody generated.

    `classes` and `attributes` map old names to new ones; `owners` are the classes whose attributes
    they are, by their new names. `url` is an old one, which nothing but a text can hold.
    """

    module: str
    owners: frozenset[str]
    attributes: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    url: str = ""

    @property
    def words(self) -> list[str]:
        """What a file says that holds an old name."""
        packages = [package.rpartition(".")[2] for package in self.packages]
        return [*self.attributes, *self.classes, *packages, *filter(None, [self.url])]


@dataclass(frozen=True)
class Step:
    """One change of the recorded answers.

    Attributes:
        modules: the records as they will be.
        migration: the record of the migration, without its place in the chain; None for none.
        moves: folders of the project that get another name.
        warnings: what the change narrows, each a sentence.
        takes_away: whether generated code goes, and hand edits in it with it.
        answers: what else becomes another answer.
    """

    command: str
    modules: list[dict[str, Any]]
    migration: Mapping[str, Any] | None
    moves: Mapping[str, str] = field(default_factory=dict)
    renaming: Renaming | None = None
    warnings: tuple[str, ...] = ()
    takes_away: bool = False
    answers: Mapping[str, Any] = field(default_factory=dict)


def find(modules: Modules, name: str) -> Module:
    """Return the record of a module, by any spelling of its name.

    Raises:
        CofeeError: there is none; the nearest is named.
    """
    known = {module["name"]: module for module in modules}
    if name in known:
        return known[name]
    derived = names.derive(name).module
    if derived in known:
        return known[derived]
    raise CofeeError(f"there is no module `{name}`", hint=did_you_mean(derived, known))


def add_fields(
    modules: Modules,
    name: str,
    given: Iterable[Any],
    types: Mapping[str, Any],
    backfill: str | None,
) -> Step:
    """Add fields after those that are there.

    Args:
        backfill: the value that rows get which are there already.
    """
    module = find(modules, name)
    present = list(module["fields"])
    records = _checked(modules, module, [*present, *given], types)[len(present) :]
    if not records:
        raise CofeeError("there is no field to add", hint="name one, such as `note:text:null`")
    values = rows.backfill(records, backfill, types)
    rows.require_values(records, values)
    migration = {"operation": "add_fields", "fields": records, "backfill": values}
    return _step("add-field", modules, module, [*present, *records], records, migration)


def remove_fields(modules: Modules, name: str, removed: Sequence[str]) -> Step:
    """Take fields away."""
    module = find(modules, name)
    _require_once(removed)
    records = [parse.find_field(module, one) for one in removed]
    for one in removed:
        module_rules.require_unnamed(module, one)
    left = [record for record in module["fields"] if record not in records]
    migration = {"operation": "remove_fields", "fields": records}
    lost = tuple(f"the column of `{record['name']}` goes, with its values" for record in records)
    return _step(
        "remove-field", modules, module, left, records, migration, warnings=lost, takes_away=True
    )


def change_fields(
    modules: Modules,
    name: str,
    given: Iterable[Any],
    types: Mapping[str, Any],
    backfill: str | None,
) -> Step:
    """Give fields another type or other modifiers; each stays in its place."""
    module, given = find(modules, name), list(given)
    _require_once([_name_of(one) for one in given])
    wanted = {_name_of(one): one for one in given}
    unknown = [one for one in wanted if one not in _names(module)]
    if unknown:
        parse.find_field(module, unknown[0])
    mixed = [wanted.get(record["name"], record) for record in module["fields"]]
    records = _checked(modules, module, mixed, types)
    pairs = zip(module["fields"], records, strict=True)
    changes = [{"old": dict(old), "new": new} for old, new in pairs if old != new]
    values = rows.backfill([change["new"] for change in changes], backfill, types)
    stored = [change for change in changes if rows.is_stored_otherwise(**change)]
    migration = {"operation": "change_fields", "changes": stored, "backfill": values}
    for change in changes:
        references.check_change(change["old"], change["new"])
    if not changes:
        raise CofeeError("nothing would change: the fields are like that already")
    changed = [change["new"] for change in changes]
    warnings = tuple(
        one for change in changes for one in rows.narrowings(change["old"], change["new"])
    )
    step = _step("change-field", modules, module, records, changed, migration, warnings=warnings)
    return step if stored else replace(step, migration=None)


def rename_field(modules: Modules, name: str, old: str, new: str, types: Mapping[str, Any]) -> Step:
    """Give a field another name, in the database too."""
    module = find(modules, name)
    if old == new:
        raise CofeeError(f"`{new}` is the name of the field already")
    before = parse.find_field(module, old)
    renamed = [
        {**record, "name": new} if record is before else record for record in module["fields"]
    ]
    records = _checked(modules, module, renamed, types)
    after = records[list(module["fields"]).index(before)]
    migration = {"operation": "rename_field", "old": dict(before), "new": after}
    attributes = {old: new, field_rules.column(before): field_rules.column(after)}
    renaming = Renaming(module["name"], _classes(module["entity"]), attributes)
    ruled = {**module, **module_rules.renamed(module, old, new)}
    modules = [ruled if one is module else one for one in modules]
    return _step(
        "rename-field", modules, ruled, records, [before, after], migration, renaming=renaming
    )


def rename_module(modules: Modules, old: str, derived: Names) -> Step:
    """Give a module other names: its folder, table, URL and classes, and what refers to it."""
    module = find(modules, old)
    name = module["name"]
    renamed = {**module, "name": derived.module, "entity": derived.entity}
    after = [_repointed(one if one is not module else renamed, name, derived) for one in modules]
    record = next(one for one in after if one["name"] == derived.module)
    migration = {
        "operation": "rename_module",
        "module": derived.module,
        "old": name,
        "record": record,
        "slug": f"rename_{name}_to_{derived.module}",
    }
    folders = ("app/modules", "tests/modules")
    moves = {f"{folder}/{name}": f"{folder}/{derived.module}" for folder in folders}
    classes = dict(
        zip(reserved.classes(module["entity"]), reserved.classes(derived.entity), strict=True)
    )
    packages = {f"app.modules.{name}": f"app.modules.{derived.module}"}
    packages |= {f"tests.modules.{name}": f"tests.modules.{derived.module}"}
    owners = frozenset(classes.values())
    url = names.from_record(name, module["entity"]).url
    renaming = Renaming(derived.module, owners, classes=classes, packages=packages, url=url)
    command = f"cofee rename-module {name} {derived.module}"
    return Step(command, after, migration, moves, renaming)


def remove_module(modules: Modules, name: str) -> Step:
    """Take a module away.

    Raises:
        CofeeError: another module refers to it.
    """
    module = find(modules, name)
    referring = [
        f"{other['name']}.{record['name']}"
        for other in modules
        if other is not module
        for record in other["fields"]
        if record.get("to") == module["name"]
    ]
    if referring:
        raise CofeeError(
            f"the module `{module['name']}` is referred to by {listing(referring)}",
            hint="remove or change those fields first",
        )
    migration = {
        "operation": "drop",
        "module": module["name"],
        "record": dict(module),
        "slug": f"drop_{module['name']}",
    }
    left = [dict(one) for one in modules if one is not module]
    lost = (f"the table `{module['name']}` goes, with its rows",)
    command = f"cofee remove-module {module['name']}"
    return Step(command, left, migration, warnings=lost, takes_away=True)


def reach(before: Modules, after: Modules) -> set[str]:
    """Return the modules whose files a change can touch: what differs, and its neighbours."""
    old = {module["name"]: module for module in before}
    new = {module["name"]: module for module in after}
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    targets = {
        (module["name"], record["to"])
        for module in (*before, *after)
        for record in module["fields"]
        if "to" in record
    }
    neighbours = {name for pair in targets for name in pair if changed & set(pair)}
    return changed | neighbours


def _checked(
    modules: Modules, module: Module, given: Iterable[Any], types: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Check all fields of a module as they will stand together."""
    listed = [one["name"] for one in modules]
    return [dict(one) for one in parse.check_fields(given, types, listed, module["name"])]


def _step(
    verb: str,
    modules: Modules,
    module: Module,
    records: Sequence[Module],
    touched: Sequence[Module],
    migration: Mapping[str, Any],
    **more: Any,
) -> Step:
    changed = {**module, "fields": [dict(record) for record in records]}
    after = [changed if one is module else dict(one) for one in modules]
    about = "_".join(record["name"] for record in touched)
    slug = f"{verb.replace('-', '_')}_{module['name']}_{about}"[:60].rstrip("_")
    command = f"cofee {verb} {module['name']} {' '.join(record['name'] for record in touched)}"
    return Step(command, after, {**migration, "module": module["name"], "slug": slug}, **more)


def _require_once(named: Sequence[str]) -> None:
    twice = [one for one in named if named.count(one) > 1]
    if twice:
        raise CofeeError(f"the field {quote(twice[0])} is named twice", hint="name it once")


def _names(module: Module) -> list[str]:
    return [record["name"] for record in module["fields"]]


def _name_of(given: Any) -> str:
    return str(given.get("name")) if isinstance(given, Mapping) else str(given).split(":")[0]


def _repointed(module: Module, old: str, derived: Names) -> dict[str, Any]:
    records = [
        {**record, "to": derived.module} if record.get("to") == old else dict(record)
        for record in module["fields"]
    ]
    return {**module, "fields": records}


def _classes(entity: str) -> frozenset[str]:
    """Return the classes whose attributes are the fields: the entity and its schemas."""
    return frozenset(f"{entity}{ending}" for ending in ("", "Create", "Update", "Read", "Query"))
