"""The commands about modules: make one, change it, rename it, remove it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cofee.cli.app import NOTHING, app
from cofee.cli.options import HERE, Directory, read_options, read_rules, takes
from cofee.console.mode import Options

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
@takes(rules=read_rules, options=read_options)
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
    *,
    rules: Mapping[str, Any],
    directory: Directory = HERE,
    options: Options,
) -> None:
    """Add a module: its six files, its tests, its migration and its wiring."""
    from cofee.commands.modules import ModuleRequest, add_module

    request = ModuleRequest(name, tuple(field or NOTHING), source, entity, plural, rules)
    add_module(directory, request, options)


@app.command()
@takes(options=read_options)
def add_field(
    module: Module,
    field: Fields,
    backfill: Backfill = None,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Add fields to a module, through all its layers."""
    from cofee.commands import modules

    modules.add_fields(directory, module, field, backfill, options)


@app.command()
@takes(options=read_options)
def remove_field(
    module: Module,
    name: Annotated[list[str], typer.Argument(metavar="NAME…", help="The fields to remove.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Remove fields from a module, with their columns."""
    from cofee.commands import modules

    modules.remove_fields(directory, module, name, options)


@app.command()
@takes(options=read_options)
def change_field(
    module: Module,
    field: Fields,
    backfill: Backfill = None,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Give fields another type or other modifiers."""
    from cofee.commands import modules

    modules.change_fields(directory, module, field, backfill, options)


@app.command()
@takes(rules=read_rules, options=read_options, without=["owned_by"])
def change_module(
    module: Module,
    *,
    rules: Mapping[str, Any],
    directory: Directory = HERE,
    options: Options,
) -> None:
    """Change the rules of a module; a list that is given replaces the old one, `""` empties it."""
    from cofee.commands import modules

    modules.change_module(directory, module, rules, options)


@app.command()
@takes(options=read_options)
def rename_field(
    module: Module,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Rename a field, in the database too; no value is lost."""
    from cofee.commands import modules

    modules.rename_field(directory, module, old, new, options)


@app.command()
@takes(options=read_options)
def rename_module(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    entity: Entity = None,
    plural: Plural = None,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Rename a module: folder, classes, URL and table; no row is lost."""
    from cofee.commands import modules

    modules.rename_module(directory, old, new, entity, plural, options)


@app.command()
@takes(options=read_options)
def remove_module(
    name: Module,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Remove a module that no other refers to, with its table."""
    from cofee.commands import modules

    modules.remove_module(directory, name, options)
