"""The commands about modules: make one, change it, rename it, remove it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cofee import rule_options
from cofee.cli import HERE, NOTHING, Diff, Directory, DryRun, Json, Quiet, Verify, Yes, app
from cofee.rule_options import (
    Checks,
    HardDelete,
    Indexes,
    Only,
    OwnedBy,
    ReadOnly,
    Search,
    UniqueTogether,
    Versioned,
)

Module = Annotated[str, typer.Argument(metavar="MODULE", help="The module, in any spelling.")]
Fields = Annotated[
    list[str],
    typer.Argument(metavar="FIELD…", help="`total:decimal:12.2:min=0`, `note:text:null`, …"),
]
Entity = Annotated[
    str | None, typer.Option(metavar="NAME", help="The class, where the derived one is wrong.")
]
Plural = Annotated[
    str | None, typer.Option(metavar="NAME", help="The module, where the plural is wrong.")
]
Backfill = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help="What rows get that are there already."),
]


@app.command()
def new_module(
    name: Annotated[str, typer.Argument(metavar="NAME", help="`order-items`, `OrderItem`, …")],
    field: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD]…", help="`total:decimal:12.2:min=0`, `note:text:null`, …"),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Read the fields from a YAML file."),
    ] = None,
    entity: Entity = None,
    plural: Plural = None,
    owned_by: OwnedBy = None,
    unique_together: UniqueTogether = None,
    indexes: Indexes = None,
    checks: Checks = None,
    only: Only = None,
    read_only: ReadOnly = False,
    search: Search = None,
    hard_delete: HardDelete = None,
    versioned: Versioned = None,
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Add a module: its six files, its tests, its migration and its wiring."""
    from cofee.commands import ModuleRequest, Options, add_module

    rules = rule_options.read(
        unique_together, indexes, checks, only, read_only, search, hard_delete, versioned, owned_by
    )
    request = ModuleRequest(name, tuple(field or NOTHING), source, entity, plural, rules)
    add_module(directory, request, Options(dry_run, diff, as_json, quiet, yes, verify))


@app.command()
def add_field(
    module: Module,
    field: Fields,
    backfill: Backfill = None,
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Add fields to a module, through all its layers."""
    from cofee import module_commands
    from cofee.commands import Options

    options = Options(dry_run, diff, as_json, quiet, yes, verify)
    module_commands.add_fields(directory, module, field, backfill, options)


@app.command()
def remove_field(
    module: Module,
    name: Annotated[list[str], typer.Argument(metavar="NAME…", help="The fields to remove.")],
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Remove fields from a module, with their columns."""
    from cofee import module_commands
    from cofee.commands import Options

    options = Options(dry_run, diff, as_json, quiet, yes, verify)
    module_commands.remove_fields(directory, module, name, options)


@app.command()
def change_field(
    module: Module,
    field: Fields,
    backfill: Backfill = None,
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Give fields another type or other modifiers."""
    from cofee import module_commands
    from cofee.commands import Options

    options = Options(dry_run, diff, as_json, quiet, yes, verify)
    module_commands.change_fields(directory, module, field, backfill, options)


@app.command()
def change_module(
    module: Module,
    unique_together: UniqueTogether = None,
    indexes: Indexes = None,
    checks: Checks = None,
    only: Only = None,
    read_only: ReadOnly = False,
    search: Search = None,
    hard_delete: HardDelete = None,
    versioned: Versioned = None,
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Change the rules of a module; a list that is given replaces the old one, `""` empties it."""
    from cofee import module_commands
    from cofee.commands import Options

    rules = rule_options.read(
        unique_together, indexes, checks, only, read_only, search, hard_delete, versioned
    )
    options = Options(dry_run, diff, as_json, quiet, yes, verify)
    module_commands.change_module(directory, module, rules, options)


@app.command()
def rename_field(
    module: Module,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Rename a field, in the database too; no value is lost."""
    from cofee import module_commands
    from cofee.commands import Options

    options = Options(dry_run, diff, as_json, quiet, yes, verify)
    module_commands.rename_field(directory, module, old, new, options)


@app.command()
def rename_module(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    entity: Entity = None,
    plural: Plural = None,
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Rename a module: folder, classes, URL and table; no row is lost."""
    from cofee import module_commands
    from cofee.commands import Options

    options = Options(dry_run, diff, as_json, quiet, yes, verify)
    module_commands.rename_module(directory, old, new, entity, plural, options)


@app.command()
def remove_module(
    name: Module,
    directory: Directory = HERE,
    dry_run: DryRun = False,
    diff: Diff = False,
    as_json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    verify: Verify = False,
) -> None:
    """Remove a module that no other refers to, with its table."""
    from cofee import module_commands
    from cofee.commands import Options

    options = Options(dry_run, diff, as_json, quiet, yes, verify)
    module_commands.remove_module(directory, name, options)
