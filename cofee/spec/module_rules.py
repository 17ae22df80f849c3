"""The rules of a module: those that are about several of its fields, or all."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec import owners, reserved
from cofee.spec.facts import Facts
from cofee.spec.names import LONGEST_IDENTIFIER
from cofee.spec.record import ROUTES, Field, Module, Row, Scope

SEARCHED = ("str", "text", "email", "url")
# What a rule of each kind is changed by; a list that is given replaces the one that was there.
OPTIONS: Mapping[str, str] = {
    "unique_together": "--unique-together",
    "indexes": "--index",
    "checks": "--check",
    "routes": "--only",
    "search": "--search",
    "deletion": "--hard-delete",
    "versioned": "--version-column",
}


def complete(module: Module, facts: Facts, later: Collection[str] = ()) -> Module:
    """Return a module once its rules fit its fields, with the rules as a record keeps them.

    Args:
        module: its fields are complete, its rules need not be.
        facts: what the template states.
        known: the rules that the template knows.
        later: the modules that are listed after this one.

    Raises:
        CofeeError: the first thing that is wrong.
    """
    for rule in module.rules:
        if rule not in facts.rules:
            raise CofeeError(
                f"this project's template does not know the rule `{rule}` yet",
                hint="run `cofee update` first",
            )
    owners.check_kind(module)
    _check_unique_together(module, facts)
    _check_indexes(module, facts)
    module = replace(module, checks=_checks(module, facts), routes=_routes(module))
    _check_search(module)
    module = replace(module, examples=_examples(module, facts, later))
    _check_names(module)
    _check_reserved(module)
    return module if set(module.routes) != set(ROUTES) else replace(module, routes=())


def complete_all(
    modules: Sequence[Module], facts: Facts, settled: Collection[Module] = ()
) -> list[Module]:
    """Check the rules of all modules that have some, but for those that are as they were.

    Args:
        settled: the modules that were checked when they were recorded.
    """
    names = [module.name for module in modules]
    return [
        complete(module, facts, Scope(facts, names, module.name).later)
        if module.rules and module not in settled
        else module
        for module in modules
    ]


def naming(module: Module, field: str) -> list[str]:
    """List the rules of a module that name a field."""
    from cofee.spec import checks

    named = {
        "unique_together": {name for names in module.unique_together for name in names},
        "indexes": {name for names in module.indexes for name in names},
        "checks": {name for check in module.checks for name in checks.fields(check, module)},
        "search": {*module.search},
    }
    return [rule for rule, names in named.items() if field in names]


def require_unnamed(module: Module, field: str) -> None:
    """Reject the removal of a field that a rule names.

    Raises:
        CofeeError: a rule names it; the hint says which command changes that.
    """
    for rule in naming(module, field):
        raise CofeeError(
            f"`{field}` is in the rule `{rule}` of `{module.name}`",
            hint=f"change the rule first: `cofee change-module {module.name} {OPTIONS[rule]} …`",
        )


def renamed(module: Module, old: str, new: str) -> Module:
    """Return a module whose rules have another name for one field; a check names its column."""
    from cofee.spec import checks

    before = module.field(old)
    columns = {before.column: replace(before, name=new).column}
    return replace(
        module,
        unique_together=tuple(_renamed(names, old, new) for names in module.unique_together),
        indexes=tuple(_renamed(names, old, new) for names in module.indexes),
        search=_renamed(module.search, old, new),
        checks=tuple(checks.renamed(check, columns) for check in module.checks),
        examples=tuple(
            {columns.get(name, name): value for name, value in row.items()}
            for row in module.examples
        ),
    )


def _renamed(names: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def index_names(module: Module) -> Iterator[tuple[str, str]]:
    """Yield the name of each index of a module, and the rule or field that it stands for."""
    table, owner = module.name, owners.prefix(module)
    yield from owners.constraint_names(module)
    for field in module.fields:
        if field.type == "many":
            continue
        if _is_unique(field):
            yield f"{table}_{owner}{field.column}_key", f"the unique field `{field.name}`"
        if field.index or field.filter or field.to is not None:
            yield f"{table}_{field.column}_idx", f"the indexed field `{field.name}`"
    for names in module.unique_together:
        name = f"{table}_{owner}{_columns(module, names)}_key"
        yield name, f"{listing([','.join(names)])} of `unique_together`"
    for names in module.indexes:
        name = f"{table}_{_columns(module, names)}_idx"
        yield name, f"{listing([','.join(names)])} of `indexes`"


def _columns(module: Module, names: Iterable[str]) -> str:
    return "_".join(module.field(name).column for name in names)


def _check_unique_together(module: Module, facts: Facts) -> None:
    for names in module.unique_together:
        if len(names) < 2:
            raise CofeeError(
                f"`unique_together`: {quote(','.join(names))} must name at least two fields",
                hint="one field alone is `unique`",
            )
    _check_indexed(module, module.unique_together, facts, "unique_together")
    for names in module.unique_together:
        from cofee.spec import check_examples

        _require_needed(module, names)
        check_examples.require_several(module, names, facts)


def _require_needed(module: Module, names: Sequence[str]) -> None:
    """Reject what no two rows can share, because they cannot share one of its fields."""
    for name in names:
        if _is_unique(module.field(name)):
            raise CofeeError(
                f"`unique_together`: `{name}` is unique by itself, and so is "
                f"{quote(','.join(names))} with it",
                hint="leave that rule out; "
                f"`cofee change-module {module.name} {OPTIONS['unique_together']} …` changes it",
            )


def _is_unique(field: Field) -> bool:
    return field.unique or field.type == "one"


def _check_indexes(module: Module, facts: Facts) -> None:
    if any(not names for names in module.indexes):
        raise CofeeError("`indexes`: an index must name at least one field")
    _check_indexed(module, module.indexes, facts, "indexes")


def _check_indexed(module: Module, given: Sequence[Sequence[str]], facts: Facts, rule: str) -> None:
    for names in given:
        _require_once(names, rule)
        for name in names:
            field = module.field(name)
            if not _can_be_indexed(field, facts):
                raise CofeeError(f"`{rule}`: `{name}` is `{field.type}`, which has no index")


def _can_be_indexed(field: Field, facts: Facts) -> bool:
    if field.type == "many":
        return False
    return field.to is not None or bool({"index", "unique"} & {*facts.types[field.type].modifiers})


def _checks(module: Module, facts: Facts) -> tuple[str, ...]:
    if not module.checks:
        return ()
    from cofee.spec import checks

    found = tuple(checks.written(check, module) for check in module.checks)
    for check in found:
        checks.require_possible(check, module, facts)
    _require_once(found, "checks")
    return found


def _examples(module: Module, facts: Facts, later: Collection[str]) -> tuple[Row, ...]:
    if not module.checks:
        return ()
    from cofee.spec import check_examples

    return check_examples.find(module, facts, later)


def _routes(module: Module) -> tuple[str, ...]:
    for name in module.routes:
        if name not in ROUTES:
            raise CofeeError(
                f"`routes`: {quote(name)} is no route; routes are {listing(ROUTES)}",
                hint=did_you_mean(name, ROUTES),
            )
    return tuple(name for name in ROUTES if name in module.routes)


def _check_search(module: Module) -> None:
    _require_once(module.search, "search")
    for name in module.search:
        if module.field(name).type not in SEARCHED:
            raise CofeeError(
                f"`search`: `{name}` is no text; {listing(SEARCHED)} can be searched",
            )


def _require_once(given: Sequence[str], rule: str) -> None:
    twice = [name for name in given if given.count(name) > 1]
    if twice:
        raise CofeeError(f"`{rule}`: {quote(twice[0])} is there twice")


def _check_names(module: Module) -> None:
    """Reject indexes and constraints that share a name, or whose names PostgreSQL would cut."""
    names: dict[str, str] = {}
    for name, what in index_names(module):
        if name in names:
            raise CofeeError(f"{what} would have the same index as {names[name]}: `{name}`")
        names[name] = what
    if module.checks:
        names |= {f"{module.name}_00000000_check": "a check"}
    for name, what in names.items():
        if len(name) > LONGEST_IDENTIFIER:
            raise CofeeError(
                f"{what} has a name that is {len(name) - LONGEST_IDENTIFIER} characters too long: "
                f"PostgreSQL names hold {LONGEST_IDENTIFIER}, and {quote(name)} is one",
                hint="shorten the fields, or the module by `--plural`",
            )


def _check_reserved(module: Module) -> None:
    """Reject fields that have the name of what a rule adds."""
    for field in module.fields:
        if module.versioned and "version" in (field.name, field.column):
            raise CofeeError(
                "`versioned`: the field `version` has the name of the column that counts changes",
                hint=f"call the field `{reserved.better_field('version')}`",
            )
        if module.search and field.filter and field.name == "search":
            raise CofeeError(
                "`search`: the filter `search` has the name of the parameter of a search",
                hint="call the field something else, or let it be no `filter`",
            )


def format_rules(module: Module) -> list[str]:
    """Return the options that give a module the rules that it has."""
    found = [f"--owned-by {module.owned_by}"] if module.owned_by else []
    found += [f"--unique-together {','.join(names)}" for names in module.unique_together]
    found += [f"--index {','.join(names)}" for names in module.indexes]
    found += [f"--check {shlex.quote(check)}" for check in module.checks]
    found += [f"--only {','.join(module.routes)}"] if module.routes else []
    found += [f"--search {','.join(module.search)}"] if module.search else []
    found += ["--hard-delete"] if module.deletion == "hard" else []
    return found + (["--version-column"] if module.versioned else [])
