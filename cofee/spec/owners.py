"""Whose the rows of a module are, and what that asks of the service and of the other modules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cofee.errors import CofeeError, listing, quote
from cofee.spec import reserved

Record = Mapping[str, Any]

# Who can own rows, the column that says so, and the options that bring them along.
COLUMNS: Mapping[str, str] = {"user": "user_id", "project": "project_id"}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "user": {"auth": "jwt"},
    "project": {"auth": "jwt", "isolation": "project"},
}


def check_kind(module: Record, given: Any, _: object) -> str:
    """Refuse an owner that there is none of, and a field that has the name of its column."""
    if given not in COLUMNS:
        raise CofeeError(f"`owned_by`: {quote(given)} owns no rows; {listing(COLUMNS)} can")
    column = COLUMNS[given]
    for field in module["fields"]:
        if column in (field["name"], f"{field['name']}_id" if "to" in field else ""):
            raise CofeeError(
                f"`owned_by`: the field `{field['name']}` has the column `{column}`, which says "
                "whose a row is",
                hint=f"call the field `{reserved.better_field(field['name'])}`",
            )
    return str(given)


def prefix(module: Record) -> str:
    """Return what stands before the columns in the name of a unique index."""
    return f"{COLUMNS[module['owned_by']]}_" if "owned_by" in module else ""


def constraint_names(module: Record) -> Iterator[tuple[str, str]]:
    """Yield the names that the owner's column brings along, and what they stand for."""
    if "owned_by" in module:
        for ending in ("idx", "fkey"):
            name = f"{module['name']}_{prefix(module)}{ending}"
            yield name, f"the owner of `{module['name']}`"


def require_options(modules: Sequence[Record], answers: Record, given: Collection[str]) -> None:
    """Refuse owners that the options of the service do not bring along.

    Args:
        given: the options that are about to change.

    Raises:
        CofeeError: the hint says what turns the option on, or what is in its way.
    """
    for owner, options in OPTIONS.items():
        names = [one["name"] for one in modules if one.get("owned_by") == owner]
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


def check_references(modules: Sequence[Record]) -> None:
    """Refuse references to rows of somebody from rows that are not theirs.

    Raises:
        CofeeError: the hint says which modules may refer there.
    """
    owners = {module["name"]: module.get("owned_by") for module in modules}
    for module in modules:
        for field in module["fields"]:
            owner = owners.get(field.get("to"))
            if owner is not None and owner != module.get("owned_by"):
                raise CofeeError(
                    f"`{field['name']}`: each row of `{field['to']}` is a {owner}'s, and a row of "
                    f"`{module['name']}` is not, so it cannot refer there",
                    hint=f"only a module made with `--owned-by {owner}` can",
                )


def check_values(modules: Sequence[Record], migration: Record) -> None:
    """Refuse to fill the rows of all owners with a reference to a row of one of them.

    Raises:
        CofeeError: the hint says how to go about it.
    """
    owned = [module["name"] for module in modules if "owned_by" in module]
    changes = [change["new"] for change in migration.get("changes", ())]
    for field in (*migration.get("fields", ()), *changes):
        if field["name"] in (migration.get("backfill") or {}) and field.get("to") in owned:
            raise CofeeError(
                f"`{field['name']}`: rows of several owners cannot all refer to one row of "
                f"`{field['to']}`, which is one owner's",
                hint="let the field be `null`, and fill it owner by owner",
            )
