"""What makes the rules of a module possible: those that are about several of its fields, or all."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec import owners, reserved
from cofee.spec.facts import Facts
from cofee.spec.names import LONGEST_IDENTIFIER
from cofee.spec.record import DELETIONS, ROUTES, RULES, Scope, column_of, find_field

Record = Mapping[str, Any]

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


def complete(module: Record, facts: Facts, later: Collection[str] = ()) -> dict[str, Any]:
    """Check a module's rules against its fields; give its record, with its keys in order.

    Args:
        module: the record; its fields are complete, its rules need not be.
        facts: what the template states.
        later: the modules that are listed after this one.

    Raises:
        CofeeError: the first thing that is wrong.
    """
    if module.get("routes") == []:  # every other rule that is empty says nothing
        raise CofeeError(
            f"`routes`: a module has at least one of {listing(ROUTES)}",
            hint="leave the rule out for all of them",
        )
    given = {key: module[key] for key in RULES if module.get(key) not in (None, [], False)}
    if given.get("deletion") == DELETIONS[0]:
        del given["deletion"]
    for key in given:
        if key not in facts.rules:
            raise CofeeError(
                f"this project's template does not know the rule `{key}` yet",
                hint="run `cofee update` first",
            )
    for key, check in CHECKS.items():
        if key in given:
            given[key] = check(module, given[key], facts)
    if "checks" in given:
        from cofee.spec import check_examples

        ruled = {**module, **given}
        given["examples"] = check_examples.find(ruled, given["checks"], facts, later)
    else:
        given.pop("examples", None)
    _check_names({**module, **given})
    _check_reserved({**module, **given})
    if given.get("routes") == list(ROUTES):
        del given["routes"]
    plain = {key: module[key] for key in module if key not in RULES}
    return {**plain, **{key: given[key] for key in RULES if key in given}}


def complete_all(
    modules: Sequence[Record], facts: Facts, settled: Sequence[Record] = ()
) -> list[dict[str, Any]]:
    """Check the rules of all modules that have some, but for those that are as they were.

    Args:
        settled: the records that were checked when they were written.
    """
    names = [module["name"] for module in modules]
    return [
        complete(module, facts, Scope(facts, names, module["name"]).later)
        if {*RULES} & module.keys() and module not in settled
        else dict(module)
        for module in modules
    ]


def naming(module: Record, field: str) -> list[str]:
    """List the rules of a module that name a field."""
    from cofee.spec import checks

    found = [
        key
        for key in ("unique_together", "indexes")
        if any(field in columns for columns in module.get(key, ()))
    ]
    named = {name for check in module.get("checks", ()) for name in checks.fields(check, module)}
    found += ["checks"] if field in named else []
    return found + (["search"] if field in module.get("search", ()) else [])


def require_unnamed(module: Record, field: str) -> None:
    """Refuse to remove a field that a rule names.

    Raises:
        CofeeError: a rule names it; the hint says which command changes that.
    """
    for key in naming(module, field):
        raise CofeeError(
            f"`{field}` is in the rule `{key}` of `{module['name']}`",
            hint=f"change the rule first: `cofee change-module {module['name']} {OPTIONS[key]} …`",
        )


def renamed(module: Record, old: str, new: str) -> dict[str, Any]:
    """Give a module's rules with another name for one field; a check names its column."""
    from cofee.spec import checks

    def lists(found: Sequence[Sequence[str]]) -> list[list[str]]:
        return [[new if name == old else name for name in columns] for columns in found]

    rules_after = {key: module[key] for key in RULES if key in module}
    for key in ("unique_together", "indexes"):
        if key in rules_after:
            rules_after[key] = lists(rules_after[key])
    if "search" in rules_after:
        rules_after["search"] = lists([rules_after["search"]])[0]
    before = find_field(module, old)
    names = {column_of(before): column_of({**before, "name": new})}
    if "checks" in rules_after:
        rules_after["checks"] = [checks.renamed(one, names) for one in rules_after["checks"]]
    if "examples" in rules_after:
        rules_after["examples"] = [
            {names.get(name, name): value for name, value in row.items()}
            for row in rules_after["examples"]
        ]
    return rules_after


def index_names(module: Record) -> Iterator[tuple[str, str]]:
    """Yield the name of each index of a module, and the rule or field that it stands for."""
    table, owner = module["name"], owners.prefix(module)
    yield from owners.constraint_names(module)
    for field in module["fields"]:
        if field["type"] == "many":
            continue
        if _is_unique(field):
            yield (
                f"{table}_{owner}{column_of(field)}_key",
                f"the unique field `{field['name']}`",
            )
        if field.get("index") or field.get("filter") or "to" in field:
            yield f"{table}_{column_of(field)}_idx", f"the indexed field `{field['name']}`"
    for key, before, ending in (("unique_together", owner, "key"), ("indexes", "", "idx")):
        for columns in module.get(key, ()):
            name = "_".join(column_of(find_field(module, one)) for one in columns)
            yield f"{table}_{before}{name}_{ending}", f"{listing([','.join(columns)])} of `{key}`"


def _unique_together(module: Record, given: Any, facts: Facts) -> list[list[str]]:
    for columns in given:
        if len(columns) < 2:
            raise CofeeError(
                f"`unique_together`: {quote(','.join(columns))} must name at least two fields",
                hint="one field alone is `unique`",
            )
    found = _indexed(module, given, facts, "unique_together")
    for columns in found:
        _require_needed(module, columns)
        from cofee.spec import check_examples

        check_examples.require_several(module, columns, facts)
    return found


def _require_needed(module: Record, columns: Sequence[str]) -> None:
    """Refuse what no two rows can share, because they cannot share one of its fields."""
    for name in columns:
        if _is_unique(find_field(module, name)):
            raise CofeeError(
                f"`unique_together`: `{name}` is unique by itself, and so is "
                f"{quote(','.join(columns))} with it",
                hint="leave that rule out; "
                f"`cofee change-module {module['name']} {OPTIONS['unique_together']} …` changes it",
            )


def _is_unique(field: Record) -> bool:
    return bool(field.get("unique")) or field["type"] == "one"


def _indexes(module: Record, given: Any, facts: Facts) -> list[list[str]]:
    if any(not columns for columns in given):
        raise CofeeError("`indexes`: an index must name at least one field")
    return _indexed(module, given, facts, "indexes")


def _indexed(module: Record, given: Any, facts: Facts, key: str) -> list[list[str]]:
    for columns in given:
        _require_once(columns, key)
        for name in columns:
            field = find_field(module, name)
            if not _can_be_indexed(field, facts):
                raise CofeeError(f"`{key}`: `{name}` is `{field['type']}`, which has no index")
    return [list(columns) for columns in given]


def _can_be_indexed(field: Record, facts: Facts) -> bool:
    modifiers = facts.types[field["type"]].get("modifiers", ())
    return field["type"] != "many" and ("to" in field or bool({"index", "unique"} & {*modifiers}))


def _checks(module: Record, given: Any, facts: Facts) -> list[str]:
    from cofee.spec import checks

    found = [checks.written(str(one), module) for one in given]
    for one in found:
        checks.require_possible(one, module, facts)
    _require_once(found, "checks")
    return found


def _routes(_: Record, given: Any, __: object) -> list[str]:
    for name in given:
        if name not in ROUTES:
            raise CofeeError(
                f"`routes`: {quote(name)} is no route; routes are {listing(ROUTES)}",
                hint=did_you_mean(str(name), ROUTES),
            )
    return [name for name in ROUTES if name in given]


def _search(module: Record, given: Any, _: object) -> list[str]:
    _require_once(given, "search")
    for name in given:
        if find_field(module, name)["type"] not in SEARCHED:
            raise CofeeError(
                f"`search`: `{name}` is no text; {listing(SEARCHED)} can be searched",
            )
    return list(given)


def _deletion(_: Record, given: Any, __: object) -> str:
    if given not in DELETIONS:
        raise CofeeError(f"`deletion`: {quote(given)} is none; it is one of {listing(DELETIONS)}")
    return str(given)


CHECKS = {
    "owned_by": owners.check_kind,
    "unique_together": _unique_together,
    "indexes": _indexes,
    "checks": _checks,
    "routes": _routes,
    "search": _search,
    "deletion": _deletion,
}


def _require_once(given: Sequence[str], key: str) -> None:
    twice = [one for one in given if given.count(one) > 1]
    if twice:
        raise CofeeError(f"`{key}`: {quote(twice[0])} is there twice")


def _check_names(module: Record) -> None:
    """Refuse indexes and constraints that share a name, or whose names PostgreSQL would cut."""
    names: dict[str, str] = {}
    for name, what in index_names(module):
        if name in names:
            raise CofeeError(f"{what} would have the same index as {names[name]}: `{name}`")
        names[name] = what
    if "checks" in module:
        names |= {f"{module['name']}_00000000_check": "a check"}
    for name, what in names.items():
        if len(name) > LONGEST_IDENTIFIER:
            raise CofeeError(
                f"{what} has a name that is {len(name) - LONGEST_IDENTIFIER} characters too long: "
                f"PostgreSQL names hold {LONGEST_IDENTIFIER}, and {quote(name)} is one",
                hint="shorten the fields, or the module by `--plural`",
            )


def _check_reserved(module: Record) -> None:
    """Refuse fields that have the name of what a rule adds."""
    for field in module["fields"]:
        if module.get("versioned") and "version" in (field["name"], column_of(field)):
            raise CofeeError(
                "`versioned`: the field `version` has the name of the column that counts changes",
                hint=f"call the field `{reserved.better_field('version')}`",
            )
        if module.get("search") and field.get("filter") and field["name"] == "search":
            raise CofeeError(
                "`search`: the filter `search` has the name of the parameter of a search",
                hint="call the field something else, or let it be no `filter`",
            )


def format_rules(module: Mapping[str, Any]) -> list[str]:
    """Return the options that give a module the rules that it has."""
    found = [f"--owned-by {module['owned_by']}"] if "owned_by" in module else []
    found += [f"--unique-together {','.join(names)}" for names in module.get("unique_together", ())]
    found += [f"--index {','.join(names)}" for names in module.get("indexes", ())]
    found += [f"--check {shlex.quote(check)}" for check in module.get("checks", ())]
    found += [f"--only {','.join(module['routes'])}"] if "routes" in module else []
    found += [f"--search {','.join(module['search'])}"] if "search" in module else []
    found += ["--hard-delete"] if module.get("deletion") == "hard" else []
    return found + (["--version-column"] if module.get("versioned") else [])
