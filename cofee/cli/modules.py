"""The commands that add, change, rename and remove modules, and those of clients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cofee.cli.app import NOTHING, app
from cofee.cli.options import HERE, Directory, read_options, read_rules, takes
from cofee.console.mode import Options

Module = Annotated[str, typer.Argument(metavar="MODULE", help="The module, in any spelling.")]
Extensible = Annotated[
    str, typer.Argument(metavar="MODULE", help="The module, in any spelling, or `users`.")
]
Fields = Annotated[
    list[str],
    typer.Argument(metavar="FIELD…", help="`total:decimal:12.2:min=0`, `note:text:null`, …"),
]
Entity = Annotated[
    str | None, typer.Option(metavar="NAME", help="The class name, if the derived name is wrong.")
]
Plural = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The module name, if the derived plural is wrong."),
]
Backfill = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help="The value for existing rows."),
]

Client = Annotated[
    str, typer.Argument(metavar="NAME", help="The other service: `billing`, `tax-rates`, …")
]


@app.command()
@takes(rules=read_rules, options=read_options)
def new_module(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="`order-items`, `OrderItem`, …")
    ] = None,
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
    rules: Mapping[str, object],
    directory: Directory = HERE,
    options: Options,
) -> None:
    """Add a module with its tests, migration and registration."""
    from cofee.commands.new_module import ModuleRequest, add_module

    request = ModuleRequest(name, tuple(field or NOTHING), source, entity, plural, rules)
    add_module(directory, request, options)


@app.command()
@takes(options=read_options)
def add_field(
    module: Extensible,
    field: Fields,
    backfill: Backfill = None,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Add fields to a module in all its layers."""
    from cofee.commands import modules

    modules.add_fields(directory, module, field, backfill, options)


@app.command()
@takes(options=read_options)
def remove_field(
    module: Extensible,
    name: Annotated[list[str], typer.Argument(metavar="NAME…", help="The fields to remove.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Remove fields and their columns from a module."""
    from cofee.commands import modules

    modules.remove_fields(directory, module, name, options)


@app.command()
@takes(options=read_options)
def change_field(
    module: Extensible,
    field: Fields,
    backfill: Backfill = None,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Change the type or the modifiers of fields."""
    from cofee.commands import modules

    modules.change_fields(directory, module, field, backfill, options)


@app.command()
@takes(rules=read_rules, options=read_options, without=["owned_by"])
def change_module(
    module: Module,
    *,
    rules: Mapping[str, object],
    directory: Directory = HERE,
    options: Options,
) -> None:
    """Change the rules of a module. A list replaces the previous list; `""` empties it."""
    from cofee.commands import modules

    modules.change_module(directory, module, rules, options)


@app.command()
@takes(options=read_options)
def rename_field(
    module: Extensible,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Rename a field and its column. Values are kept."""
    from cofee.commands import modules

    modules.rename_field(directory, module, old, new, options)


@app.command()
@takes(options=read_options)
def rename_module(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    entity: Entity = None,
    plural: Plural = None,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Rename a module: directory, classes, URL and table. Rows are kept."""
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
    """Remove a module and its table, if no other module refers to it."""
    from cofee.commands import modules

    modules.remove_module(directory, name, options)


@app.command()
@takes(options=read_options)
def new_client(name: Client, directory: Directory = HERE, *, options: Options) -> None:
    """Add a client of another service, with its settings and tests."""
    from cofee.commands import clients

    clients.add_client(directory, name, options)


@app.command()
@takes(options=read_options)
def remove_client(name: Client, directory: Directory = HERE, *, options: Options) -> None:
    """Remove a client of another service."""
    from cofee.commands import clients

    clients.remove_client(directory, name, options)


@app.command()
@takes(options=read_options)
def new_task(
    name: Annotated[str, typer.Argument(metavar="NAME", help="`transcribe`, `render_preview`, …")],
    field: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD]…", help="Its arguments: `language:str:len=5`, …"),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Start it at times instead: `15m`, `1d`, `30 3 * * *`."),
    ] = None,
    directory: Directory = HERE,
    *,
    module: Annotated[str, typer.Option(metavar="MODULE", help="The module that it works for.")],
    options: Options,
) -> None:
    """Add a task to a module, with the route that starts it."""
    from cofee.commands import tasks

    tasks.add_task(directory, name, field or NOTHING, module, every, options)


@app.command()
@takes(options=read_options)
def rename_task(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Rename a task and its route."""
    from cofee.commands import tasks

    tasks.rename_task(directory, old, new, options)


@app.command()
@takes(options=read_options)
def remove_task(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The task to remove.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Remove a task and its route."""
    from cofee.commands import tasks

    tasks.remove_task(directory, name, options)


@app.command()
@takes(options=read_options)
def new_tool(
    name: Annotated[str, typer.Argument(metavar="NAME", help="`find_overdue`, `summarize`, …")],
    field: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD]…", help="Its arguments: `days:int:min=1`, …"),
    ] = None,
    directory: Directory = HERE,
    *,
    module: Annotated[str, typer.Option(metavar="MODULE", help="The module that it belongs to.")],
    options: Options,
) -> None:
    """Add a tool for language models to a module, with its route."""
    from cofee.commands import tasks

    tasks.add_task(directory, name, field or NOTHING, module, None, options, tasks.TOOLS)


@app.command()
@takes(options=read_options)
def rename_tool(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Rename a tool and its route."""
    from cofee.commands import tasks

    tasks.rename_task(directory, old, new, options, tasks.TOOLS)


@app.command()
@takes(options=read_options)
def remove_tool(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tool to remove.")],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Remove a tool and its route."""
    from cofee.commands import tasks

    tasks.remove_task(directory, name, options, tasks.TOOLS)
