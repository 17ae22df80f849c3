"""The options of a module's rules, as `new-module` and `change-module` take them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cofee.errors import UsageError
from cofee.spec.record import ROUTES

OwnedBy = Annotated[
    str | None,
    typer.Option("--owned-by", metavar="OWNER", help="Whose each row is: `user` or `project`."),
]
UniqueTogether = Annotated[
    list[str] | None,
    typer.Option("--unique-together", metavar="A,B", help="No two rows share all of these values."),
]
Indexes = Annotated[
    list[str] | None,
    typer.Option("--index", metavar="A,B", help="An index over fields, in this order."),
]
Checks = Annotated[
    list[str] | None,
    typer.Option("--check", metavar="SQL", help="What holds for each row: `price >= cost`."),
]
Only = Annotated[
    str | None,
    typer.Option("--only", metavar="ROUTES", help=f"Which routes exist: {','.join(ROUTES)}."),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="The same as `--only list,read`.")]
Search = Annotated[
    str | None,
    typer.Option("--search", metavar="A,B", help="Fields that `?search=` looks into."),
]
HardDelete = Annotated[
    bool | None,
    typer.Option("--hard-delete/--soft-delete", help="Delete rows, or only mark them (default)."),
]
Versioned = Annotated[
    bool | None,
    typer.Option("--version-column/--no-version-column", help="ETag and If-Match for each row."),
]


def read(
    owned_by: OwnedBy = None,
    unique_together: UniqueTogether = None,
    indexes: Indexes = None,
    checks: Checks = None,
    only: Only = None,
    read_only: ReadOnly = False,
    search: Search = None,
    hard_delete: HardDelete = None,
    versioned: Versioned = None,
) -> dict[str, Any]:
    """Return the rules that options give; one that was not given is absent.

    Raises:
        UsageError: options that exclude each other.
    """
    if read_only and only is not None:
        raise UsageError("`--read-only` and `--only` exclude each other")
    deletion = {True: "hard", False: "soft", None: None}[hard_delete]
    given = {
        "owned_by": owned_by,
        "unique_together": [_names(one) for one in unique_together if one]
        if unique_together
        else None,
        "indexes": [_names(one) for one in indexes if one] if indexes else None,
        "checks": [one for one in checks if one.strip()] if checks else None,
        "routes": ["list", "read"] if read_only else _routes(only),
        "search": None if search is None else _names(search),
        "deletion": deletion,
        "versioned": versioned,
    }
    return {key: value for key, value in given.items() if value is not None}


def written(module: Mapping[str, Any]) -> list[str]:
    """Return the options that give a module the rules that it has."""
    found = [f"--owned-by {module['owned_by']}"] if "owned_by" in module else []
    found += [f"--unique-together {','.join(names)}" for names in module.get("unique_together", ())]
    found += [f"--index {','.join(names)}" for names in module.get("indexes", ())]
    found += [f"--check {shlex.quote(check)}" for check in module.get("checks", ())]
    found += [f"--only {','.join(module['routes'])}"] if "routes" in module else []
    found += [f"--search {','.join(module['search'])}"] if "search" in module else []
    found += ["--hard-delete"] if module.get("deletion") == "hard" else []
    return found + (["--version-column"] if module.get("versioned") else [])


def _routes(only: str | None) -> list[str] | None:
    if only is None:
        return None
    return list(ROUTES) if only == "all" else _names(only)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
