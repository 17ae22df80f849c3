"""What owners and users require of the service, and owners of other modules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from cofee.errors import CofeeError, listing, quote
from cofee.spec import reserved
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Module

ABSENT = (None, "none", False)  # the answers of options that are off


def check_kind(module: Module, facts: Facts) -> None:
    """Reject an unknown owner, and a field that has the name of the owner's column."""
    if module.owned_by is None:
        return
    if module.access is not None:
        raise CofeeError(
            "`access`: only the owner of a row reaches it, so the module must not have this rule",
            hint="leave out `access` or `owned_by`",
        )
    if module.owned_by not in facts.owners:
        raise CofeeError(
            f"`owned_by` must be one of {listing(facts.owners)}, not {quote(module.owned_by)}"
        )
    column = facts.owners[module.owned_by].column
    for field in module.fields:
        if column in (field.name, f"{field.name}_id" if field.to is not None else ""):
            raise CofeeError(
                f"`owned_by`: the field `{field.name}` has the column `{column}` of the owner",
                hint=f"call the field `{reserved.better_field(field.name)}`",
            )


def prefix(module: Module, facts: Facts) -> str:
    """Return the beginning of the columns in the name of a unique index."""
    return f"{facts.owners[module.owned_by].column}_" if module.owned_by else ""


def constraint_names(module: Module, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the names that the owner's column needs, with their descriptions."""
    if module.owned_by is not None:
        column = facts.owners[module.owned_by].column
        for kind in ("index", "foreign_key"):
            yield facts.name(kind, module.name, column), f"the owner of `{module.name}`"


def require_options(
    modules: Sequence[Module],
    answers: Mapping[str, object],
    given: Collection[str],
    facts: Facts,
) -> None:
    """Reject owners, rules and targets that the options of the service do not provide.

    Args:
        given: the options that are about to change.

    Raises:
        CofeeError: the hint says how to turn the option on, or what prevents it.
    """
    _require_targets(modules, answers, given, facts)
    _require_types(modules, answers, given, facts)
    _require_rules(modules, answers, facts)
    for owner, stated in facts.owners.items():
        options = stated.needs
        names = [module.name for module in modules if module.owned_by == owner]
        missing = [option for option in options if answers.get(option) in ABSENT]
        if not names or not missing:
            continue
        if gone := [option for option in missing if option in given]:
            raise CofeeError(
                f"the rows of {listing(names)} belong to a {owner}, and `{gone[0]}=none` removes "
                f"every {owner}",
                hint="remove these modules first with `cofee remove-module`",
            )
        words = " ".join(f"{option}={options[option]}" for option in missing)
        raise CofeeError(
            f"`{names[0]}`: rows cannot belong to a {owner}, because the option "
            f"`{missing[-1]}` is `none`",
            hint=f"turn it on first: `cofee set {words}`",
        )


def _require_rules(modules: Sequence[Module], answers: Mapping[str, object], facts: Facts) -> None:
    for rule in facts.rules.values():
        names = [module.name for module in modules if rule.name in module.rules]
        missing = [option for option in rule.needs if answers.get(option) in ABSENT]
        if names and missing:
            words = " ".join(f"{option}={rule.needs[option]}" for option in missing)
            raise CofeeError(
                f"`{names[0]}`: the rule `{rule.name}` needs the option `{missing[0]}`, "
                "which is off",
                hint=f"turn it on with `cofee set {words}`, or remove the rule first",
            )


def _require_types(
    modules: Sequence[Module],
    answers: Mapping[str, object],
    given: Collection[str],
    facts: Facts,
) -> None:
    for module, field in ((one, field) for one in modules for field in one.fields):
        needs = facts.types[field.type].needs
        missing = [option for option in needs if answers.get(option) in ABSENT]
        if not missing:
            continue
        name, option = f"{module.name}.{field.name}", missing[0]
        if option in given:
            raise CofeeError(
                f"`{name}` is a `{field.type}`, which `{option}={answers.get(option)}` removes",
                hint=f"remove it first: `cofee remove-field {module.name} {field.name}`",
            )
        raise CofeeError(
            f"`{name}`: a `{field.type}` needs the option `{option}`, which is off",
            hint=f"turn it on first: `cofee set {option}={needs[option]}`",
        )


def require_same_store(
    modules: Sequence[Module],
    answers: Mapping[str, object],
    given: Mapping[str, object],
    facts: Facts,
) -> None:
    """Reject another answer to an option that says where the values of some fields are stored.

    Raises:
        CofeeError: the hint says how the fields get there.
    """
    for module, field in ((one, field) for one in modules for field in one.fields):
        for option in facts.types[field.type].needs:
            old = answers.get(option)
            if given.get(option, old) != old:
                raise CofeeError(
                    f"`{module.name}.{field.name}` is stored as `{option}={old}` says, and its "
                    "values do not move",
                    hint=f"remove it first with `cofee remove-field {module.name} {field.name}`, "
                    "and add it again afterwards",
                )


def _require_targets(
    modules: Sequence[Module],
    answers: Mapping[str, object],
    given: Collection[str],
    facts: Facts,
) -> None:
    own = [module.name for module in modules]
    for name, target in facts.targets.items():
        fields = [
            f"{module.name}.{field.name}"
            for module in modules
            for field in module.fields
            if field.to == name and name not in own
        ]
        if not fields or name in facts.available(answers):
            continue
        if target.option in given:
            raise CofeeError(
                f"`{target.option}=none` removes the `{name}` that {listing(fields)} can contain",
                hint="remove or change those fields first",
            )
        raise CofeeError(
            f"`{fields[0]}`: there are no `{name}` to refer to, because the option "
            f"`{target.option}` is `none`",
            hint=f"turn it on first: `cofee set {target.option}={target.answer}`",
        )


def check_references(modules: Sequence[Module]) -> None:
    """Reject references to rows of an owner from rows without that owner.

    Raises:
        CofeeError: the hint says which modules may refer there.
    """
    owners = {module.name: module.owned_by for module in modules}
    for module in modules:
        for field in module.fields:
            owner = None if field.to is None else owners.get(field.to)
            if owner is not None and owner != module.owned_by:
                raise CofeeError(
                    f"`{field.name}`: rows of `{field.to}` belong to a {owner}, so rows of "
                    f"`{module.name}` without that owner cannot refer to them",
                    hint=f"create the module with `--owned-by {owner}`",
                )


def check_expanded(modules: Sequence[Module]) -> None:
    """Reject responses to every client that include rows which are for users alone.

    Raises:
        CofeeError: the hint says which modules may include them.
    """
    private = [module.name for module in modules if module.access == "user"]
    for module in modules:
        for field in module.fields:
            is_open = module.access != "user" and module.owned_by is None
            if field.expand and field.to in private and is_open:
                raise CofeeError(
                    f"`{module.name}.{field.name}`: `{field.to}` cannot be expanded, because its "
                    f"rows are for users and those of `{module.name}` are for every client",
                    hint="remove `expand`, or change `access`",
                )


def check_values(modules: Sequence[Module], filled: Iterable[Field]) -> None:
    """Reject a value for the rows of all owners that refers to a row of one of them.

    Args:
        filled: the fields whose existing rows get a value.

    Raises:
        CofeeError: the hint says what to do instead.
    """
    owned = [module.name for module in modules if module.owned_by is not None]
    for field in filled:
        if field.to in owned:
            raise CofeeError(
                f"`{field.name}`: rows of several owners cannot refer to one row of "
                f"`{field.to}`, which belongs to one owner",
                hint="make the field `null`, and set it for each owner",
            )
