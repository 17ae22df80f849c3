"""`cofee new`: settles the answers, renders the service and runs the template's tasks."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cofee.commands.session import asker
from cofee.commands.set_options import refuse_hidden
from cofee.console import output
from cofee.console.mode import Options
from cofee.engine.questionnaire import Answers
from cofee.engine.render import Renderer
from cofee.errors import INTERRUPTED, CofeeError, Problems, UsageError, listing, quote
from cofee.files import EXECUTABLE, LINK, Change, File, Tree, load_yaml, reason
from cofee.spec import gate, names, parse
from cofee.spec.facts import Facts
from cofee.spec.names import Names
from cofee.spec.record import Module, Scope
from cofee.spec.yaml_input import read_mapping
from cofee.template import template, trust
from cofee.template.ask import Ask
from cofee.template.template import Template


@dataclass(frozen=True)
class Request:
    """A new service as it was typed; each of `modules` is a name and then its fields."""

    destination: Path
    template: str | None
    ref: str | None
    data: Mapping[str, object]
    modules: Sequence[str]
    trusted: bool
    defaults: bool


@dataclass(frozen=True)
class Service:
    """A service that is rendered but not written yet."""

    template: Template
    destination: Path
    answers: Answers
    tree: Tree
    existed: bool = False  # the directory existed, and was empty


def make_service(request: Request, options: Options) -> None:
    """Run `cofee new`."""
    service = plan_service(request, asker(options))
    rows = [{"path": path, "action": "create"} for path in sorted(service.tree)]
    for row in rows:
        options.printer.verb(row["action"], row["path"])
    document = {
        "command": "cofee new",
        "files": rows,
        "commit": service.template.commit,
        "commit_hash": service.template.commit_hash,
        "version": str(service.template.version or "") or None,
    }
    if options.diff and not options.as_json:
        made = [Change(path, None, file) for path, file in sorted(service.tree.items())]
        output.write(output.patch_of(made))
    if options.writes:
        write_service(service)
        options.printer.say("running the template's tasks …")
        run_tasks(service, quiet=options.quiet or options.as_json)
        options.printer.say(message_after_copy(service))
    else:
        options.printer.verb("note", "nothing was written")
    options.printer.data({**document, "written": options.writes})


def plan_service(request: Request, ask: Ask | None) -> Service:
    """Render a new service in memory.

    Args:
        ask: asks the open questions; None without a terminal.

    Raises:
        CofeeError: the destination is taken, the template is not to be had or not trusted, or an
            answer is refused.
    """
    destination = _absolute(request.destination)
    _require_free(destination)
    source = template.absolute_source(request.template or trust.default_source())
    found = template.latest(source, request.ref)
    found.require_contract()
    trust.require_trusted(found, trusted=request.trusted)
    renderer = Renderer(found)
    settled = _settle(renderer, destination.name, request, ask)
    return Service(
        found, destination, settled, renderer.render(settled, "copy"), destination.is_dir()
    )


def write_service(service: Service) -> None:
    """Write all files, or none: the folder is finished elsewhere and then renamed.

    Raises:
        CofeeError: a file cannot be written.
    """
    parent = service.destination.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cofee-", dir=parent) as folder:
            fresh = Path(folder) / "service"
            write_tree(service.tree, fresh)
            _put(fresh, service.destination)
    except OSError as error:
        raise CofeeError(
            f"{quote(service.destination)} cannot be written: {reason(error)}",
            hint="nothing was written",
        ) from error


def _put(fresh: Path, destination: Path) -> None:
    """Move a complete directory into place.

    An existing directory is kept, because a shell may be in it. It is empty, and is
    empty again if a file cannot be moved.
    """
    if not destination.exists():
        fresh.rename(destination)
        return
    try:
        _move_all(fresh, destination)
    except BaseException:
        _move_all(destination, fresh)
        raise


def write_tree(tree: Tree, folder: Path) -> None:
    """Write every file of a tree into a new folder."""
    folder.mkdir()
    for path, file in tree.items():
        _write(folder / path, file)


def run_tasks(service: Service, *, quiet: bool) -> None:
    """Run the template's tasks in the new service, as Copier runs them.

    Raises:
        CofeeError: a task fails; the service is removed again.
    """
    renderer = Renderer(service.template)
    context = {
        **service.answers.context,
        "_copier_operation": "copy",
        "_copier_python": sys.executable,
        "_copier_conf": {"src_path": str(service.template.root), "quiet": quiet},
        "_stage": "task",
    }
    for task in service.template.setting("tasks", []):
        if renderer.holds(task.get("when", True), context):
            command = [renderer.text(part, context) for part in _words(task["command"])]
            _run(command, service)


def message_after_copy(service: Service) -> str:
    """Return the template's message after the service was created."""
    context = {**service.answers.context, "_copier_conf": {"dst_path": str(service.destination)}}
    return Renderer(service.template).text(
        service.template.setting("message_after_copy", ""), context
    )


def read_data(pairs: Sequence[str], data_file: Path | None) -> dict[str, Any]:
    """Read `--data KEY=VALUE` and `--data-file`; a `--data` counts more."""
    data: dict[str, Any] = {}
    if data_file is not None:
        data = read_mapping(data_file)
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"`--data {pair}` must be `KEY=VALUE`")
        data[key] = value
    return data


def _settle(renderer: Renderer, folder_name: str, request: Request, ask: Ask | None) -> Answers:
    """Settle the answers; defaults in the user's Copier settings override the template's."""
    known = _known(renderer.template, request)
    settings = trust.copier_settings()
    settled = renderer.settle(known, settings.defaults if settings else {}, folder_name)
    if request.defaults or not settled.defaulted:
        return settled
    if ask is None:
        raise UsageError(
            f"there is no terminal to ask for {listing(settled.defaulted)}",
            hint="use the defaults with `--defaults`, or answer with `--data KEY=VALUE`",
        )
    return renderer.settle(ask(renderer.template, known, folder_name), {}, folder_name)


def _known(found: Template, request: Request) -> dict[str, Any]:
    """Return the given answers; the modules of `--module` come after those of the data."""
    for name in request.data.keys() - {"modules"}:
        refuse_hidden(found, name)
    given = request.data.get("modules", [])
    records = load_yaml(given.encode(), path="modules") if isinstance(given, str) else given
    problems = Problems()
    modules = [*gate.read_modules(records, "the data")]
    with problems.collected():
        modules += _typed(request.modules, modules, found.facts)
    with problems.collected():
        modules = [*gate.check_modules(modules, found.facts)]
    problems.require_none()
    return {**request.data, "modules": [module.to_record() for module in modules]}


def _typed(specified: Sequence[str], modules: Sequence[Module], facts: Facts) -> list[Module]:
    """Return the modules of `--module`; their fields may refer to modules that follow."""
    typed: list[tuple[Names, list[str]]] = []
    for specification in specified:
        name, *fields = _split(specification)
        typed.append((names.derive(name), fields))
    listed = [*(module.name for module in modules), *(derived.module for derived, _ in typed)]
    found: list[Module] = []
    problems = Problems()
    for derived, given in typed:
        scope, read = Scope(facts, listed, derived.module), []
        for field in given:
            with problems.collected(f"`{derived.module}`"):
                read.append(parse.read_field(field, scope))
        found.append(Module(derived.module, derived.entity, tuple(read)))
    problems.require_none()
    return found


def _split(specification: str) -> list[str]:
    try:
        return shlex.split(specification) or [""]
    except ValueError as error:
        raise UsageError(
            f"`--module {specification}` has an unclosed quote", hint="add the closing quote"
        ) from error


def _absolute(destination: Path) -> Path:
    """Return the absolute destination; `resolve` would follow a link."""
    try:
        return Path(os.path.abspath(destination.expanduser()))  # noqa: PTH100
    except FileNotFoundError as error:
        raise CofeeError(
            "the current directory no longer exists", hint="change to an existing directory"
        ) from error


def _require_free(destination: Path) -> None:
    try:
        destination.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CofeeError(
            f"{quote(destination)} cannot be created: {reason(error)}", hint="choose another path"
        ) from error
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise CofeeError(
            f"{quote(destination)} exists and is not a directory", hint="choose another path"
        )
    if destination.is_dir() and any(destination.iterdir()):
        raise CofeeError(
            f"the directory {quote(destination)} is not empty",
            hint="choose a directory that does not exist or is empty",
        )


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == LINK:
        path.symlink_to(os.fsdecode(file.content))
        return
    path.write_bytes(file.content)
    if file.mode == EXECUTABLE:
        readable = path.stat().st_mode
        path.chmod(readable | (readable & 0o444) >> 2)


def _words(command: str | Sequence[str]) -> Sequence[str]:
    return ["sh", "-c", command] if isinstance(command, str) else command


def _run(command: Sequence[str], service: Service) -> None:
    with _removed_on_failure(service):
        done = subprocess.run(command, cwd=service.destination, env={**os.environ, "STAGE": "task"})
        if done.returncode:
            raise CofeeError(
                f"the template's task `{shlex.join(command)}` failed with code {done.returncode}",
                hint="the service was removed again; run that task by hand to see why it fails",
            )


@contextlib.contextmanager
def _removed_on_failure(service: Service) -> Iterator[None]:
    """Remove the service after a failure; an existing directory is kept, empty."""
    try:
        yield
    except BaseException as error:
        with tempfile.TemporaryDirectory(dir=service.destination.parent) as folder:
            if service.existed:
                _move_all(service.destination, Path(folder))
            else:
                service.destination.rename(Path(folder) / "service")
        if isinstance(error, KeyboardInterrupt):
            raise CofeeError("interrupted; nothing was kept", exit_code=INTERRUPTED) from error
        raise


def _move_all(source: Path, target: Path) -> None:
    for entry in sorted(source.iterdir()):
        entry.rename(target / entry.name)
