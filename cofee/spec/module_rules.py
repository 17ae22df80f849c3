"""Rules of a module: those about several of its fields."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from cofee.errors import CofeeError, Problems, check_each, did_you_mean, listing, quote
from cofee.spec import aggregates, owners, reserved
from cofee.spec.facts import Facts, Rule
from cofee.spec.names import LONGEST_IDENTIFIER
from cofee.spec.record import LABEL, Field, Key, Module, Row, Scope, Value

ALL, NONE = "all", "none"  # mean every route, and no route
SIMILAR = "similar"  # the tools that find rows by vectors
Cell = TypeVar("Cell", bound=Value | None)


def complete(module: Module, facts: Facts, later: Collection[str] = ()) -> Module:
    """Return a module once its rules fit its fields, with the rules as a record keeps them.

    Args:
        module: its fields are complete, its rules need not be.
        facts: what the template states.
        later: the modules that are listed after this one.

    Raises:
        CofeeError: each rule that is wrong.
    """
    problems = Problems()
    for check in (_check_known, owners.check_kind, _check_indexes):
        with problems.collected():
            check(module, facts)
    with problems.collected():
        module = replace(module, unique_together=_keys(module, facts))
    with problems.collected():
        module = replace(module, checks=_checks(module, facts))
    with problems.collected():
        module = replace(module, routes=_routes(module, facts))
    for check in (_check_search, _check_aggregates):
        with problems.collected():
            check(module, facts)
    for check_rule in (_check_restorable, _check_idempotent):
        with problems.collected():
            check_rule(module)
    with problems.collected():
        _check_access(module, facts)
    with problems.collected():
        _check_expand(module)
    for check in (_check_cache, _check_tools, _check_embed):
        with problems.collected():
            check(module, facts)
    problems.require_none()
    module = replace(_with_choices(module, facts), examples=_examples(module, facts, later))
    with problems.collected():
        module = replace(module, unique_together=_key_examples(module, facts))
    for check in (_check_names, _check_reserved):
        with problems.collected():
            check(module, facts)
    problems.require_none()
    return module


def complete_all(
    modules: Sequence[Module], facts: Facts, settled: Collection[Module] = ()
) -> list[Module]:
    """Check the rules of all modules except unchanged ones.

    Args:
        settled: the modules that were checked when they were recorded.
    """
    names = [module.name for module in modules]
    return [
        module
        if module in settled
        else complete(module, facts, Scope(facts, names, module.name).later)
        for module in modules
    ]


def _check_known(module: Module, facts: Facts) -> None:
    for rule in module.rules:
        if rule not in facts.rules:
            raise CofeeError(
                f"the template of this service does not support the rule `{rule}`",
                hint=did_you_mean(rule, facts.rules) or "run `cofee update` first",
            )


def naming(module: Module, field: str, facts: Facts) -> list[str]:
    """Return the rules of a module that name a field."""
    from cofee.spec import checks

    conditions = [key.where for key in module.unique_together]
    named = {
        "unique_together": {name for key in module.unique_together for name in key.fields}
        | {name for check in conditions for name in checks.fields(check, module, facts)},
        "indexes": {name for names in module.indexes for name in names},
        "checks": {name for check in module.checks for name in checks.fields(check, module, facts)},
        "search": {*module.search},
        "aggregates": {*map(aggregates.field_of, module.aggregates)},
        "embed": {*module.embed, *vectors(module)} if module.embed else set(),
    }
    return [rule for rule, names in named.items() if field in names]


def require_unnamed(module: Module, field: str, facts: Facts) -> None:
    """Reject the removal of a field that a rule names.

    Raises:
        CofeeError: a rule names it; the hint says which command changes that.
    """
    for rule in naming(module, field, facts):
        change = f"cofee change-module {module.name} {facts.rules[rule].flag} …"
        raise CofeeError(
            f"`{field}` is in the rule `{rule}` of `{module.name}`",
            hint=f"change the rule first: `{change}`",
        )


def renamed(module: Module, old: str, new: str) -> Module:
    """Return a module with a renamed field in its rules; checks name its column."""
    from cofee.spec import checks

    before = module.field(old)
    columns = {before.column: replace(before, name=new).column}
    return replace(
        module,
        unique_together=tuple(
            Key(
                _renamed(key.fields, old, new),
                checks.renamed(key.where, columns),
                _renamed_rows(key.examples, columns),
            )
            for key in module.unique_together
        ),
        indexes=tuple(_renamed(names, old, new) for names in module.indexes),
        search=_renamed(module.search, old, new),
        aggregates=aggregates.renamed(module.aggregates, old, new),
        embed=_renamed(module.embed, old, new),
        checks=tuple(checks.renamed(check, columns) for check in module.checks),
        examples=_renamed_rows(module.examples, columns),
    )


def _renamed_rows(
    rows: Iterable[Mapping[str, Cell]], columns: Mapping[str, str]
) -> tuple[Mapping[str, Cell], ...]:
    return tuple({columns.get(name, name): value for name, value in row.items()} for row in rows)


def _renamed(names: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def index_names(module: Module, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the name of each index of a module, and the rule or field that needs it."""
    from cofee.spec import checks

    table, owner = module.name, owners.prefix(module, facts)
    yield from owners.constraint_names(module, facts)
    for field in module.fields:
        if facts.is_link(field.type):
            continue
        if facts.is_unique(field):
            name = facts.name("unique", table, f"{owner}{field.column}")
            yield name, f"the unique field `{field.name}`"
        if field.index or field.filter or field.to is not None:
            yield facts.name("index", table, field.column), f"the indexed field `{field.name}`"
        if facts.index_kind(field) not in ("", "index"):
            name = facts.name("list", table, f"{owner}{field.column}")
            if len(name) <= LONGEST_IDENTIFIER:  # a longer one is shortened, and made unique
                yield name, f"lists by `{field.name}`"
    for key in module.unique_together:
        label = f"_{checks.label(key.where)}" if key.where else ""
        name = facts.name("unique", table, f"{owner}{_columns(module, key.fields)}{label}")
        yield name, f"{quote(key)} of `unique_together`"
    for names in module.indexes:
        name = facts.name("index", table, _columns(module, names))
        yield name, f"{listing([','.join(names)])} of `indexes`"


def _columns(module: Module, names: Iterable[str]) -> str:
    return "_".join(module.field(name).column for name in names)


def _keys(module: Module, facts: Facts) -> tuple[Key, ...]:
    """Return the keys of unique values, their conditions as a record keeps them."""
    check_each(lambda key: _check_key(module, key, facts), module.unique_together)
    if not any(key.where for key in module.unique_together):
        return module.unique_together
    from cofee.spec import checks

    found = tuple(
        replace(key, where=checks.written(key.where, module, facts))
        for key in module.unique_together
    )
    conditions = [key.where for key in found if key.where]
    check_each(
        lambda where: checks.require_possible(where, module, facts, "unique_together"), conditions
    )
    return found


def _check_key(module: Module, key: Key, facts: Facts) -> None:
    from cofee.spec import check_examples

    names = key.fields
    if len(names) < 2 and not key.where:
        raise CofeeError(
            f"`unique_together`: {quote(','.join(names))} must name at least two fields",
            hint="use `unique` for a single field",
        )
    if key.where and "where" not in facts.key_keys:
        raise CofeeError(
            "the template of this service does not support conditions in `unique_together`",
            hint="run `cofee update` first",
        )
    _check_indexed(module, names, facts, "unique_together")
    _require_needed(module, names, facts)
    check_examples.require_several(module, names, facts)


def _key_examples(module: Module, facts: Facts) -> tuple[Key, ...]:
    if not any(key.where for key in module.unique_together):
        return module.unique_together
    from cofee.spec import key_examples

    found: list[Key] = []
    problems = Problems()
    for key in module.unique_together:
        with problems.collected():
            found.append(key_examples.complete(key, module, facts))
    problems.require_none()
    return tuple(found)


def _require_needed(module: Module, names: Sequence[str], facts: Facts) -> None:
    """Reject a unique combination with a field that is unique by itself."""
    for name in names:
        if facts.is_unique(module.field(name)):
            raise CofeeError(
                f"`unique_together`: `{name}` is already unique, and so is "
                f"{quote(','.join(names))} with it",
                hint="leave one of both out; `cofee change-module "
                f"{module.name} {facts.rules['unique_together'].flag} …` changes the rule",
            )


def _check_indexes(module: Module, facts: Facts) -> None:
    if any(not names for names in module.indexes):
        raise CofeeError("`indexes`: an index must name at least one field")
    check_each(lambda names: _check_indexed(module, names, facts, "indexes"), module.indexes)


def _check_indexed(module: Module, names: Sequence[str], facts: Facts, rule: str) -> None:
    _require_once(names, rule)
    for name in names:
        field = module.field(name)
        if not _can_be_indexed(field, facts):
            raise CofeeError(
                f"`{rule}`: `{name}` is `{field.type}`, which cannot have an index",
                hint="remove the field from the rule",
            )


def _can_be_indexed(field: Field, facts: Facts) -> bool:
    if facts.is_link(field.type):
        return False
    return field.to is not None or bool({"index", "unique"} & {*facts.types[field.type].modifiers})


def _checks(module: Module, facts: Facts) -> tuple[str, ...]:
    if not module.checks:
        return ()
    from cofee.spec import checks

    found = tuple(checks.written(check, module, facts) for check in module.checks)
    check_each(lambda check: checks.require_possible(check, module, facts), found)
    _require_once(found, "checks")
    return found


def _examples(module: Module, facts: Facts, later: Collection[str]) -> tuple[Row, ...]:
    if not module.checks:
        return ()
    from cofee.spec import check_examples

    return check_examples.find(module, facts, later)


def served(module: Module, facts: Facts) -> list[str]:
    """Return the routes that a module has."""
    return [name for name in facts.routes if name in (module.routes or facts.routes)]


def _routes(module: Module, facts: Facts) -> tuple[str, ...]:
    """Return the routes in their order; all of them count as no rule."""
    if module.routes == (ALL,):
        return ()
    if module.routes == (NONE,):
        return module.routes
    for name in module.routes:
        if name not in facts.routes:
            raise CofeeError(
                f"`routes`: {quote(name)} is not a route; routes are {listing(facts.routes)}",
                hint=f"`{name}` must be the only value"
                if name in (ALL, NONE)
                else did_you_mean(name, facts.routes),
            )
    found = tuple(name for name in facts.routes if name in module.routes)
    return () if found == facts.routes else found


def _check_search(module: Module, facts: Facts) -> None:
    _check_texts(module, "search", module.search, facts)


def _check_texts(module: Module, rule: str, names: Sequence[str], facts: Facts) -> None:
    _require_once(names, rule)
    texts = [name for name, entry in facts.types.items() if entry.searchable]
    for name in names:
        if module.field(name).type not in texts:
            raise CofeeError(
                f"`{rule}`: `{name}` is not a text field; types for it are {listing(texts)}"
            )


def _check_aggregates(module: Module, facts: Facts) -> None:
    if module.aggregates and "list" not in served(module, facts):
        raise CofeeError("`aggregates` needs the route `list`", hint="add the route to `--only`")
    aggregates.check(module, facts)


def vectors(module: Module) -> list[str]:
    """Return the fields that hold vectors."""
    return [field.name for field in module.fields if "dimension" in field.extra]


def _check_embed(module: Module, facts: Facts) -> None:
    """Reject texts whose vectors have no field, or several."""
    _check_texts(module, "embed", module.embed, facts)
    if module.embed and len(vectors(module)) != 1:
        raise CofeeError(
            "`embed`: the module must have one field that holds the vectors",
            hint="add one, such as `embedding:vector:384`",
        )


def _check_restorable(module: Module) -> None:
    if module.restorable and module.deletion == "hard":
        raise CofeeError(
            "`restorable` and a hard delete cannot be combined: no deleted row is left",
            hint="use `--not-restorable` or `--soft-delete`",
        )


def _check_idempotent(module: Module) -> None:
    if module.idempotent and module.routes and "create" not in module.routes:
        raise CofeeError(
            "`idempotent` needs the route `create`",
            hint="add the route, or use `--not-idempotent`",
        )


def _check_expand(module: Module) -> None:
    """Reject `expand` without the routes that it needs, or with a filter of this name."""
    expanded = [field.name for field in module.fields if field.expand]
    missing = {"list", "read"} - {*module.routes} if module.routes else set()
    if expanded and missing:
        raise CofeeError(
            f"`{expanded[0]}`: `expand` needs the routes `list` and `read`",
            hint="add the routes, or remove `expand`",
        )
    if expanded and any(
        field.filter and "expand" in (field.name, field.json_name) for field in module.fields
    ):
        raise CofeeError(
            "the filter `expand` has the name of the parameter of fields with `expand`",
            hint="rename the field, or remove its `filter`",
        )


def _check_tools(module: Module, facts: Facts) -> None:
    """Reject tools for routes that the module does not have."""
    routes = [*served(module, facts), *([SIMILAR] if module.embed else [])]
    missing = [name for name in module.tools if name not in routes]
    if SIMILAR in missing:
        raise CofeeError(
            f"`tools`: `{SIMILAR}` needs `embed`",
            hint="name its texts, such as `--embed title,body`, or remove the tool",
        )
    if missing:
        raise CofeeError(
            f"`tools`: the module has no route `{missing[0]}`", hint="add the route to `--only`"
        )


def _check_cache(module: Module, facts: Facts) -> None:
    """Reject the cache of rows that no route returns, or that change with other rows."""
    if not module.cache:
        return
    least, most = facts.rules["cache"].values
    if not least <= module.cache <= most:
        raise CofeeError(f"`cache` must be {least} to {most} seconds, not `{module.cache}`")
    if "read" not in served(module, facts):
        raise CofeeError("`cache` needs the route `read`", hint="add the route to `--only`")
    for field in module.fields:
        if field.expand or facts.is_link(field.type):
            raise CofeeError(
                f"`cache`: a row changes with those that `{field.name}` leads to",
                hint="leave out `--cache`, or the field",
            )


def _check_access(module: Module, facts: Facts) -> None:
    """Reject rules about fields that not every client can write and read."""

    def check(field: Field) -> None:
        access = "readonly" if field.readonly else "writeonly"
        for rule in naming(module, field.name, facts):
            if rule not in ("indexes", "aggregates"):  # these check it themselves
                raise CofeeError(
                    f"`{rule}`: `{field.name}` is `{access}`, and must not be in this rule",
                    hint="remove the field from the rule",
                )

    check_each(check, [field for field in module.fields if field.readonly or field.writeonly])


def _with_choices(module: Module, facts: Facts) -> Module:
    """Return a module once its flags and choices have values that the template knows.

    The first value of a choice and a flag that is off count as no rule.
    """
    record = module.to_record()
    for name, rule in facts.rules.items():
        if rule.kind == "number" and record.get(name) == 0:
            del record[name]
        if name in record and rule.kind == "choices":
            record[name] = _ordered(rule, getattr(module, name))
        if name in record and rule.kind in ("choice", "flag"):
            allowed = rule.values if rule.kind == "choice" else (False, True)
            if record[name] not in allowed:
                choices = " or ".join(f"`{_text(value)}`" for value in allowed)
                raise CofeeError(f"`{name}` must be {choices}, not {quote(record[name])}")
            if record[name] == allowed[0]:
                del record[name]
    return Module.from_record(record)


def _ordered(rule: Rule, given: Sequence[str]) -> list[str]:
    """Return some of a rule's values in their order."""
    _require_once(given, rule.name)
    for value in given:
        if value not in rule.values:
            raise CofeeError(
                f"`{rule.name}` must be some of {listing(rule.values)}, not {quote(value)}",
                hint=did_you_mean(value, rule.values),
            )
    return [value for value in rule.values if value in given]


def _require_once(given: Sequence[str], rule: str) -> None:
    twice = [name for name in given if given.count(name) > 1]
    if twice:
        raise CofeeError(f"`{rule}`: {quote(twice[0])} occurs twice", hint="list it once")


def _check_names(module: Module, facts: Facts) -> None:
    """Reject indexes and constraints with the same name or a name too long for PostgreSQL."""
    given = [*index_names(module, facts)]
    if module.checks or any(field.values for field in module.fields):
        given.append((facts.name("check", module.name, "0" * LABEL), "a check"))
    names: dict[str, str] = {}

    def check(named: tuple[str, str]) -> None:
        name, what = named
        if name in names:
            raise CofeeError(
                f"{what} would have the same index as {names[name]}: `{name}`",
                hint="remove one of them",
            )
        names[name] = what
        if len(name) > LONGEST_IDENTIFIER:
            raise CofeeError(
                f"{what} has a name that is {len(name) - LONGEST_IDENTIFIER} characters too long: "
                f"PostgreSQL names hold {LONGEST_IDENTIFIER}, and {quote(name)} is one",
                hint="use shorter field names, or a shorter module name with `--plural`",
            )

    check_each(check, given)


def _check_reserved(module: Module, facts: Facts) -> None:
    """Reject fields with the name of a column or parameter that a rule adds."""
    for rule in module.rules:
        column, parameter = facts.added_columns.get(rule), facts.added_parameters.get(rule)
        for field in module.fields:
            named = field.in_json.column.lower()
            if column and column in (field.name, field.column, named):
                raise CofeeError(
                    f"`{rule}`: the field `{field.name}` has the name of the column of the rule",
                    hint=f"call the field `{reserved.better_field(column)}`",
                )
            if parameter and field.filter and parameter in (field.name, named):
                raise CofeeError(
                    f"`{rule}`: the filter `{field.name}` has the name of the rule's parameter",
                    hint="rename the field, or remove its `filter`",
                )


def format_rules(module: Module, facts: Facts) -> list[str]:
    """Return the options that give a module the rules that it has."""
    record = module.to_record()
    given = [(rule, record[name]) for name, rule in facts.rules.items() if name in record]
    return [option for rule, value in given for option in _options(rule, value)]


def _options(rule: Rule, value: Any) -> list[str]:
    """Return the options that give one rule, as a user types them."""
    if rule.kind == "rows":  # the command finds these
        return []
    if rule.kind == "tasks":  # these have their own commands
        noun = "task" if rule.name == "tasks" else "tool"
        return [f"{noun} {work['name']}" for work in value]
    if rule.option is None:
        return [rule.written(value)]
    if rule.kind == "key":
        return [f"{rule.option} {shlex.quote(str(Key.from_record(key)))}" for key in value]
    if rule.kind == "index":
        return [f"{rule.option} {','.join(names)}" for names in value]
    if rule.kind == "condition":
        return [f"{rule.option} {shlex.quote(check)}" for check in value]
    if rule.kind in ("fields", "routes", "choices", "aggregates"):
        return [f"{rule.option} {','.join(value)}"]
    # Of a choice of two, the option is the second.
    is_named = rule.kind in ("owner", "number") or len(rule.values) > 2
    return [f"{rule.option} {value}" if is_named else rule.option]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
