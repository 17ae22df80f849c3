"""Options that several commands have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from cofee.console.mode import Options
from cofee.errors import UsageError
from cofee.files import load_yaml

Command = Callable[..., None]

Directory = Annotated[
    Path, typer.Option("--directory", "-C", metavar="DIR", help="The directory of the service.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan without writing.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show the patch without writing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the plan and the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to every confirmation.")]
Defaults = Annotated[bool, typer.Option("--defaults", help="Use the default of every question.")]
Verify = Annotated[
    bool,
    typer.Option("--verify", help="Run checks before and after; revert if they fail."),
]
HERE = Path()

OwnedBy = Annotated[
    str | None,
    typer.Option("--owned-by", metavar="OWNER", help="The owner of each row: `user` or `project`."),
]
UniqueTogether = Annotated[
    list[str] | None,
    typer.Option(
        "--unique-together",
        metavar="A,B",
        help="Two rows cannot have the same combination; `A:where=SQL` limits it to some rows.",
    ),
]
Indexes = Annotated[
    list[str] | None,
    typer.Option("--index", metavar="A,B", help="An index on these fields, in this order."),
]
Checks = Annotated[
    list[str] | None,
    typer.Option("--check", metavar="SQL", help="A condition for each row: `price >= cost`."),
]
Only = Annotated[
    str | None,
    typer.Option("--only", metavar="ROUTES", help="The routes: `list,read`, `all` or `none`."),
]
Access = Annotated[
    str | None,
    typer.Option(
        "--access", metavar="WHO", help="Routes for users: `user`, `user-write`, or `public`."
    ),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="The same as `--only list,read`.")]
Search = Annotated[
    str | None,
    typer.Option("--search", metavar="A,B", help="Fields that `?search=` looks in."),
]
Aggregates = Annotated[
    str | None,
    typer.Option(
        "--aggregate",
        metavar="A,B",
        help="What `…/stats` returns: `count,status:count,price:sum`.",
    ),
]
HardDelete = Annotated[
    bool | None,
    typer.Option(
        "--hard-delete/--soft-delete", help="Delete rows permanently, or mark them (default)."
    ),
]
Versioned = Annotated[
    bool | None,
    typer.Option("--version-column/--no-version-column", help="ETag and If-Match for each row."),
]
Restorable = Annotated[
    bool | None,
    typer.Option("--restorable/--not-restorable", help="A route that restores deleted rows."),
]
Bulk = Annotated[
    bool | None,
    typer.Option("--bulk/--no-bulk", help="A route that creates up to 1,000 rows, or none."),
]
Notify = Annotated[
    str | None,
    typer.Option("--notify", metavar="CHANGES", help="Events of rows: `created,updated,deleted`."),
]
Idempotent = Annotated[
    bool | None,
    typer.Option("--idempotent/--not-idempotent", help="POST takes an `Idempotency-Key`."),
]
Cache = Annotated[
    int | None,
    typer.Option("--cache", metavar="SECONDS", help="How long one row is cached; 0 for not."),
]
Tools = Annotated[
    str | None,
    typer.Option("--tools", metavar="ROUTES", help="Routes that models can call: `list,read`."),
]
Embed = Annotated[
    str | None,
    typer.Option("--embed", metavar="A,B", help="Texts whose vectors find similar rows."),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rule", metavar="NAME=VALUE", help="A rule of the template that has no option here."
    ),
]


def read_options(
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> Options:
    """Return the options of a command that writes."""
    return Options(dry_run, diff, as_json, quiet, yes, verify)


def read_rules(
    owned_by: OwnedBy = None,
    unique_together: UniqueTogether = None,
    indexes: Indexes = None,
    checks: Checks = None,
    only: Only = None,
    read_only: ReadOnly = False,
    access: Access = None,
    search: Search = None,
    aggregates: Aggregates = None,
    hard_delete: HardDelete = None,
    versioned: Versioned = None,
    restorable: Restorable = None,
    bulk: Bulk = None,
    notify: Notify = None,
    idempotent: Idempotent = None,
    cache: Cache = None,
    tools: Tools = None,
    embed: Embed = None,
    rules: Rules = None,
) -> dict[str, object]:
    """Return the rules that are given as options; others are absent.

    Raises:
        UsageError: options that cannot be combined.
    """
    if read_only and only is not None:
        raise UsageError(
            "`--read-only` and `--only` cannot be combined",
            hint="`--read-only` means `--only list,read`",
        )
    lists = {
        "search": search,
        "aggregates": aggregates,
        "notify": notify,
        "tools": tools,
        "embed": embed,
    }
    deletion = {True: "hard", False: "soft", None: None}[hard_delete]
    given = {
        "owned_by": owned_by,
        "unique_together": [_key(text) for text in unique_together if text]
        if unique_together
        else None,
        "indexes": [_names(text) for text in indexes if text] if indexes else None,
        "checks": [check for check in checks if check.strip()] if checks else None,
        "routes": ["list", "read"] if read_only else None if only is None else _names(only),
        "access": access,
        "deletion": deletion,
        "versioned": versioned,
        "restorable": restorable,
        "bulk": bulk,
        "cache": cache,
        "idempotent": idempotent,
        **{rule: _names(text) for rule, text in lists.items() if text is not None},
        **dict(map(_named_rule, rules or ())),
    }
    return {key: value for key, value in given.items() if value is not None}


def _named_rule(pair: str) -> tuple[str, Any]:
    """Return the name and the value of a rule; the value is written as in YAML."""
    name, separator, value = pair.partition("=")
    if not separator:
        raise UsageError(
            f"`--rule {pair}` must be `NAME=VALUE`",
            hint="`cofee status` shows the rules of modules",
        )
    return name, load_yaml(value.encode(), path=f"--rule {name}")


def _key(text: str) -> list[str] | dict[str, object]:
    """Return fields that are unique together, with the condition of rows that count."""
    fields, separator, where = text.partition(":where=")
    return {"fields": _names(fields), "where": where} if separator else _names(fields)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def takes(
    *, without: Collection[str] = (), **bundles: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Replace a parameter of a command with the options of the function that computes it.

    `@takes(options=read_options)` replaces the parameter `options` with the options of
    `read_options` on the command line, and passes the value of `read_options(…)` to the command.

    Args:
        without: options that the command does not have.
    """

    parts = {name: _options(make, without) for name, make in bundles.items()}

    def bundle(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:
            made = {
                name: make(**{option: given.pop(option) for option in parts[name]})
                for name, make in bundles.items()
            }
            command(**given, **made)

        groups = [parts.get(name, {name: one}) for name, one in _options(command).items()]
        signature = inspect.Signature([one for group in groups for one in group.values()])
        run.__signature__ = signature  # type: ignore[attr-defined]  # Typer reads it
        return run

    return bundle


def _options(
    function: Callable[..., Any], without: Collection[str] = ()
) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function as keyword-only parameters."""
    parameters = inspect.signature(function, eval_str=True).parameters
    return {
        name: one.replace(kind=one.KEYWORD_ONLY)
        for name, one in parameters.items()
        if name not in without
    }
