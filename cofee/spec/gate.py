"""The gate of records: modules of the answers, of a file and of the command line pass it.

`read_modules` checks the shape of records and `require_known` their keys and types. Both are cheap,
so every command runs them on the recorded modules. `check_modules` checks every rule of names,
fields and modules. Recorded modules passed it before and are not checked again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from cofee.errors import CofeeError, Problems, check_each, did_you_mean, listing, quote
from cofee.spec import enums, field_rules, module_rules, owners, parse, tasks
from cofee.spec.facts import Facts
from cofee.spec.names import check_names
from cofee.spec.record import PLAIN_KEYS, Field, Module, Scope

Given = Field | Mapping[str, object] | str  # a field, a record or a specification


def read_modules(records: object, where: str) -> tuple[Module, ...]:
    """Return the modules of records; their rules are not checked.

    Args:
        where: the file or option with the records, for messages.

    Raises:
        CofeeError: every record with a wrong shape.
    """
    if not isinstance(records, list):
        raise CofeeError(f"`modules` in {where} must be a list of module records")

    modules: list[Module] = []
    problems = Problems()
    for number, record in enumerate(records, start=1):
        name = record.get("name") if isinstance(record, Mapping) else None
        which = quote(name) if isinstance(name, str) else f"number {number}"
        with problems.collected(f"`modules` in {where}: {which}"):
            modules.append(Module.from_record(record))
    problems.require_none()
    return tuple(modules)


def require_known(modules: Iterable[Module], facts: Facts, where: str) -> None:
    """Reject rules, keys and types that a template would not read.

    Raises:
        CofeeError: each that is misspelt, or of another version of the template.
    """
    problems = Problems()
    for module in modules:
        with problems.collected(f"`modules` in {where}: `{module.name}`"):
            _require_known(module, facts)
    problems.require_none()


def _require_known(module: Module, facts: Facts) -> None:
    _require_rules(module, facts)
    check_each(lambda field: field_rules.check_readable(field, facts), module.fields)


def _require_rules(module: Module, facts: Facts) -> None:
    def check(rule: str) -> None:
        if rule not in facts.rules:
            known = (*PLAIN_KEYS, *facts.rules)
            raise CofeeError(
                f"the key {quote(rule)} is unknown",
                hint=did_you_mean(rule, known) or f"keys are {listing(known)}",
            )

    check_each(check, module.rules)


def check_fields(
    given: Iterable[Given],
    facts: Facts,
    modules: Collection[str],
    module: str,
    settled: Collection[Field] = (),
    known: Mapping[str, Field] | None = None,
) -> tuple[Field, ...]:
    """Return the fields of a module, each given as a field, a record or a specification.

    Args:
        facts: what the template states.
        modules: the other modules that a reference can name; see `Scope`.
        module: the module that gets the fields.
        settled: the recorded fields, which are not checked again.
        known: the enums that fields can share; see `enums.known`.

    Raises:
        CofeeError: every field that breaks a rule, or has the name or column of another.
    """
    scope = Scope(facts, modules, module)
    fields: list[Field] = []
    shared = {**(known or {})}
    problems = Problems()
    for raw in given:
        with problems.collected():
            field = enums.resolved(parse.read_field(raw, scope), shared)
            field = field if field in settled else field_rules.complete(field, scope)
            shared |= {field.enum: field} if field.enum else {}
            field_rules.check_apart(field, fields, facts)
            fields.append(field)
    problems.require_none()
    return tuple(fields)


def check_rules(
    modules: Sequence[Module], facts: Facts, settled: Collection[Module] = ()
) -> tuple[Module, ...]:
    """Return modules with complete fields once their rules are possible.

    Args:
        settled: the recorded modules, which are not checked again.

    Raises:
        CofeeError: a rule does not fit the fields, or a reference leads to rows of another owner.
    """
    checked = module_rules.complete_all(modules, facts, settled)
    owners.check_references(checked)
    owners.check_expanded(checked)
    enums.check_apart(checked, facts)
    tasks.check_tasks(checked, facts)
    return tuple(checked)


def check_modules(modules: Sequence[Module], facts: Facts) -> tuple[Module, ...]:
    """Return modules once their names, their fields and their rules are possible.

    Raises:
        CofeeError: every problem, with its module.
    """
    listed, shared = [module.name for module in modules], enums.known(modules)
    checked: list[Module] = []
    problems = Problems()
    for number, module in enumerate(modules):
        with problems.collected(f"`{module.name}`"):
            check_names(module.names, facts, [other.names for other in modules[:number]])
        with problems.collected(f"`{module.name}`"):
            _require_rules(module, facts)
        with problems.collected(f"`{module.name}`"):
            fields = check_fields(module.fields, facts, listed, module.name, known=shared)
            known = {rule: module.extra[rule] for rule in module.extra if rule in facts.rules}
            complete = replace(module, fields=fields, extra=known)
            checked.append(module_rules.complete(complete, facts, listed[number + 1 :]))
    with problems.collected():
        owners.check_references(checked)
    with problems.collected():
        owners.check_expanded(checked)
    with problems.collected():
        enums.check_apart(checked, facts)
    with problems.collected():
        tasks.check_tasks(checked, facts)
    problems.require_none()
    return tuple(checked)
