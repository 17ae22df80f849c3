"""Whose the rows of a module are, and what that asks of the service and of the other modules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from cofee.errors import CofeeError, listing, quote
from cofee.spec import reserved
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Module


def check_kind(module: Module, facts: Facts) -> None:
    """Reject an unknown owner, and a field that has the name of the owner's column."""
    if module.owned_by is None:
        return
    if module.owned_by not in facts.owners:
        raise CofeeError(
            f"`owned_by`: {quote(module.owned_by)} owns no rows; {listing(facts.owners)} can"
        )
    column = facts.owners[module.owned_by].column
    for field in module.fields:
        if column in (field.name, f"{field.name}_id" if field.to is not None else ""):
            raise CofeeError(
                f"`owned_by`: the field `{field.name}` has the column `{column}`, which says "
                "whose a row is",
                hint=f"call the field `{reserved.better_field(field.name)}`",
            )


def prefix(module: Module, facts: Facts) -> str:
    """Return the beginning of the columns in the name of a unique index."""
    return f"{facts.owners[module.owned_by].column}_" if module.owned_by else ""


def constraint_names(module: Module, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the names that the owner's column brings along, and what they stand for."""
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
    """Refuse owners that the options of the service do not bring along.

    Args:
        given: the options that are about to change.

    Raises:
        CofeeError: the hint says what turns the option on, or what is in its way.
    """
    for owner, stated in facts.owners.items():
        options = stated.needs
        names = [module.name for module in modules if module.owned_by == owner]
        missing = [option for option in options if answers.get(option, "none") == "none"]
        if not names or not missing:
            continue
        if gone := [option for option in missing if option in given]:
            raise CofeeError(
                f"each row of {listing(names)} is a {owner}'s, and `{gone[0]}=none` takes every "
                f"{owner} away",
                hint="remove those modules first: `cofee remove-module`",
            )
        words = " ".join(f"{option}={options[option]}" for option in missing)
        raise CofeeError(
            f"`{names[0]}`: no row can be a {owner}'s in this service, because its option "
            f"`{missing[-1]}` is `none`",
            hint=f"turn it on first: `cofee set {words}`",
        )


def check_references(modules: Sequence[Module]) -> None:
    """Refuse references to rows of somebody from rows that are not theirs.

    Raises:
        CofeeError: the hint says which modules may refer there.
    """
    owners = {module.name: module.owned_by for module in modules}
    for module in modules:
        for field in module.fields:
            owner = None if field.to is None else owners.get(field.to)
            if owner is not None and owner != module.owned_by:
                raise CofeeError(
                    f"`{field.name}`: each row of `{field.to}` is a {owner}'s, and a row of "
                    f"`{module.name}` is not, so it cannot refer there",
                    hint=f"only a module made with `--owned-by {owner}` can",
                )


def check_values(modules: Sequence[Module], filled: Iterable[Field]) -> None:
    """Reject a value for the rows of all owners that refers to a row of one of them.

    Args:
        filled: the fields whose existing rows get a value.

    Raises:
        CofeeError: the hint says how to go about it.
    """
    owned = [module.name for module in modules if module.owned_by is not None]
    for field in filled:
        if field.to in owned:
            raise CofeeError(
                f"`{field.name}`: rows of several owners cannot all refer to one row of "
                f"`{field.to}`, which is one owner's",
                hint="let the field be `null`, and fill it owner by owner",
            )
