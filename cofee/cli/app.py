"""The command line: each command parses its arguments and calls one function.

Modules are imported inside the commands, so that `cofee --help` does not import Jinja or Copier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cofee.cli.options import HERE, Defaults, Directory, Json, read_options, takes
from cofee.cli.values import spare_pydantic
from cofee.console.mode import Options
from cofee.errors import UsageError

spare_pydantic()
app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
    help="Generate FastAPI services and their modules, and update them without losing an edit.",
)

NOTHING: tuple[str, ...] = ()


@app.callback(invoke_without_command=True)
def cofee(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    directory: Directory = HERE,
) -> None:
    """Define the options of the command itself. `-C` is passed on to the subcommand."""
    if directory != HERE and context.invoked_subcommand == "new":
        raise UsageError("`cofee new` has no `-C`", hint="give the directory as `DEST`")
    if context.invoked_subcommand:
        context.default_map = {context.invoked_subcommand: {"directory": directory}}
    if version:
        from importlib.metadata import version as installed

        print(installed("cofee"))
        raise typer.Exit


@app.command()
@takes(options=read_options, without=["verify"])
def new(
    destination: Annotated[
        Path,
        typer.Argument(metavar="DEST", help="The directory: new, empty, or a new git repository."),
    ],
    template: Annotated[
        str | None,
        typer.Option(
            metavar="SRC",
            envvar="COFEE_TEMPLATE",
            help="A git URL or repository. Default: where cofee was installed from.",
        ),
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(metavar="REF", help="A tag, branch or commit. Default: the newest version."),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Answer a question.")
    ] = None,
    data_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answer questions with a YAML file.")
    ] = None,
    module: Annotated[
        list[str] | None,
        typer.Option(metavar='"NAME FIELD…"', help="Add a module; repeatable."),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Allow the template to run its tasks.")
    ] = False,
    defaults: Defaults = False,
    *,
    options: Options,
) -> None:
    """Create a service."""
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
@takes(options=read_options)
def update(
    to: Annotated[
        str | None,
        typer.Option(metavar="REF", help="A version of the template. Default: the newest."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(metavar="SRC", help="The new address of the template, if it moved."),
    ] = None,
    defaults: Defaults = False,
    resume: Annotated[
        bool,
        typer.Option("--continue", help="Complete the update after all conflicts are resolved."),
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Restore the state before the update.")
    ] = False,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Update the service and all its modules to a newer version of the template."""
    from cofee.commands import update

    if resume or abort:
        given = {"--to": to, "--template": template}
        update.finish_update(directory, options, resume=resume, abort=abort, given=given)
    else:
        update.update(directory, to, template, options, defaults=defaults or options.yes)


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
    """Change options of the service, such as its database, CI or name."""
    from cofee.commands.set_options import set_options

    set_options(directory, option, options)


@app.command()
@takes(options=read_options, without=["verify"])
def undo(
    only_list: Annotated[
        bool, typer.Option("--list", help="Show the recorded commands, newest first.")
    ] = False,
    downgrade: Annotated[
        bool,
        typer.Option("--downgrade", help="Revert its migration in the database, with the rows."),
    ] = False,
    directory: Directory = HERE,
    *,
    options: Options,
) -> None:
    """Undo the last command and keep later edits."""
    from cofee.commands import undo

    if only_list:
        undo.show_records(directory, options)
    else:
        undo.undo(directory, options, downgrade=downgrade)


@app.command("diff")
def difference(
    module: Annotated[
        str | None, typer.Argument(metavar="[MODULE]", help="Show only this module.")
    ] = None,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Show your edits compared with the template."""
    from cofee.commands.inspect import show_difference

    show_difference(directory, module, Options(as_json=as_json))


@app.command()
def status(
    module: Annotated[
        str | None, typer.Argument(metavar="[MODULE]", help="Show only this module.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if there is a newer version or a conflict.")
    ] = False,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Show the template version, the modules, your edits and conflicts."""
    from cofee.commands.inspect import show_status

    show_status(directory, module, Options(as_json=as_json), check=check)


@app.command()
def check(
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Accept the findings in a new baseline; later only let it shrink."
        ),
    ] = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print the findings as SARIF, for code hosts.")
    ] = False,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Check the code against the architecture rules of the template."""
    from cofee.commands.check import check

    if as_sarif and as_json:
        raise UsageError(
            "`--sarif` and `--json` cannot be combined", hint="SARIF is also JSON: use `--sarif`"
        )
    check(directory, Options(as_json=as_json), accept=accept, as_sarif=as_sarif)
