"""The gate of records: modules of the answers, of a file and of the command line pass it.

`read_modules` checks the shape, the keys and the types of records. It is cheap, so every command
runs it on the recorded modules. `check_modules` checks every rule of fields and modules. Recorded
modules passed it before and are not checked again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec import field_rules, module_rules, owners, parse
from cofee.spec.facts import Facts
from cofee.spec.record import PLAIN_KEYS, Field, Module, Scope

Given = Field | Mapping[str, object] | str  # a field, a record or a specification


def read_modules(records: object, facts: Facts, where: str) -> tuple[Module, ...]:
    """Return the modules of records.

    Args:
        facts: what the template states; it can have rules that this command does not know.
        where: the file or option with the records, for messages.

    Raises:
        CofeeError: records have a wrong shape, or keys or types that the template does not know.
    """
    if not isinstance(records, list):
        raise CofeeError(f"`modules` in {where} must be a list of module records")

    modules: list[Module] = []
    for number, record in enumerate(records, start=1):
        name = record.get("name") if isinstance(record, Mapping) else None
        which = quote(name) if isinstance(name, str) else f"number {number}"
        try:
            modules.append(Module.from_record(record))
            _require_known(modules[-1], facts)
        except CofeeError as problem:
            raise _within(f"`modules` in {where}: {which}", problem) from problem
    return tuple(modules)


def require_known(modules: Iterable[Module], facts: Facts, where: str) -> None:
    """Reject rules, keys and types that a template would not read.

    Raises:
        CofeeError: one is misspelt, or of another version of the template.
    """
    for module in modules:
        try:
            _require_known(module, facts)
        except CofeeError as problem:
            raise _within(f"`modules` in {where}: `{module.name}`", problem) from problem


def _require_known(module: Module, facts: Facts) -> None:
    for rule in module.rules:
        if rule not in facts.rules:
            known = (*PLAIN_KEYS, *facts.rules)
            raise CofeeError(
                f"the key {quote(rule)} is unknown",
                hint=did_you_mean(rule, known) or f"keys are {listing(known)}",
            )
    for field in module.fields:
        field_rules.check_readable(field, facts)


def check_fields(
    given: Iterable[Given],
    facts: Facts,
    modules: Collection[str],
    module: str,
    settled: Collection[Field] = (),
) -> tuple[Field, ...]:
    """Return the fields of a module, each given as a field, a record or a specification.

    Args:
        facts: what the template states.
        modules: the other modules that a reference can name; see `Scope`.
        module: the module that gets the fields.
        settled: the recorded fields, which are not checked again.

    Raises:
        CofeeError: a field breaks a rule, or two fields have the same name or column.
    """
    fields, problems = _complete(given, Scope(facts, modules, module), settled)
    _require_none(problems)
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
    return tuple(checked)


def check_modules(modules: Sequence[Module], facts: Facts) -> tuple[Module, ...]:
    """Return modules once their fields and their rules are possible.

    Raises:
        CofeeError: every problem of the fields, or the first of the rules.
    """
    names = [module.name for module in modules]
    completed: list[Module] = []
    problems: list[CofeeError] = []
    for module in modules:
        fields, found = _complete(module.fields, Scope(facts, names, module.name))
        completed.append(replace(module, fields=tuple(fields)))
        problems += [_within(f"`{module.name}`", problem) for problem in found]
    _require_none(problems)
    return check_rules(completed, facts)


def _complete(
    given: Iterable[Given], scope: Scope, settled: Collection[Field] = ()
) -> tuple[list[Field], list[CofeeError]]:
    """Return the complete fields of a module, and the problems of the others."""
    fields: list[Field] = []
    problems: list[CofeeError] = []
    for raw in given:
        try:
            field = parse.read_field(raw, scope)
            field = field if field in settled else field_rules.complete(field, scope)
            field_rules.check_apart(field, fields)
            fields.append(field)
        except CofeeError as problem:
            problems.append(problem)
    return fields, problems


def _within(where: str, problem: CofeeError) -> CofeeError:
    return CofeeError(f"{where}: {problem.message}", hint=problem.hint)


def _require_none(problems: Sequence[CofeeError]) -> None:
    """Raise the only problem, or all of them, one on a line."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "".join(f"\n  {'; '.join(filter(None, (p.message, p.hint)))}" for p in problems)
        raise CofeeError(f"there are {len(problems)} problems:{lines}")
