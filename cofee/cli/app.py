"""The command line: each command parses, calls and prints, and nothing else.

Modules are imported inside the commands, because `cofee --help` must not wait for Jinja or Copier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cofee.cli.options import HERE, Defaults, Directory, Json, read_options, takes
from cofee.console.mode import Options

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Scaffold a FastAPI service and its modules, and keep both up to date with every edit.",
)

NOTHING: tuple[str, ...] = ()


@app.callback(invoke_without_command=True)
def cofee(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Hold the options of the command as a whole."""
    if version:
        from importlib.metadata import version as installed

        print(installed("cofee"))
        raise typer.Exit


@app.command()
@takes(options=read_options, without=["verify"])
def new(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="The folder to make.")],
    template: Annotated[
        str | None,
        typer.Option(
            metavar="SRC",
            envvar="COFEE_TEMPLATE",
            help="A git URL or repository; else where this cofee was installed from.",
        ),
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(metavar="REF", help="A tag, branch or commit; else the newest version."),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Answer a question.")
    ] = None,
    data_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answer questions by a YAML file.")
    ] = None,
    module: Annotated[
        list[str] | None,
        typer.Option(metavar='"NAME FIELD…"', help="Add a module; may be given again."),
    ] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Let the template run its tasks.")] = False,
    defaults: Defaults = False,
    *,
    options: Options,
) -> None:
    """Make a new service."""
    from cofee.commands import new

    request = new.Request(
        destination=destination,
        template=template,
        ref=ref,
        data=new.read_data(data or NOTHING, data_file),
        modules=module or NOTHING,
        trusted=trust,
        defaults=defaults or options.yes,
    )
    new.make_service(request, options)


@app.command()
@takes(options=read_options, without=["verify"])
def update(
    to: Annotated[
        str | None,
        typer.Option(metavar="REF", help="A version of the template; else the newest."),
    ] = None,
    defaults: Defaults = False,
    resume: Annotated[
        bool, typer.Option("--continue", help="Go on, once every conflict is resolved.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Go back to how it was before the conflicts.")
    ] = False,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Bring the service, with all its modules and edits, to a newer template."""
    from cofee.commands import update

    if resume or abort:
        update.finish_update(directory, options, resume=resume, abort=abort, to=to)
    else:
        update.update(directory, to, options, defaults=defaults or options.yes)


@app.command("set")
@takes(options=read_options)
def set_options(
    option: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE…", help="`database=sqlite`, `ci=none`, …")
    ],
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Change options of the service: its database, its CI, its name, …"""
    from cofee.commands.set_options import set_options

    set_options(directory, option, options)


@app.command()
@takes(options=read_options, without=["verify"])
def undo(
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Take the last operation back, and keep what was edited since."""
    from cofee.commands.undo import undo

    undo(directory, options)


@app.command("diff")
def difference(
    module: Annotated[
        str | None, typer.Argument(metavar="[MODULE]", help="Look at one module alone.")
    ] = None,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Show your edits against what the template gives."""
    from cofee.commands.inspect import show_difference

    show_difference(directory, module, Options(as_json=as_json))


@app.command()
def status(
    check: Annotated[
        bool, typer.Option("--check", help="End with 1 when anything is pending.")
    ] = False,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Show the template's version, the modules, your edits and open conflicts."""
    from cofee.commands.inspect import show_status

    show_status(directory, Options(as_json=as_json), check=check)
