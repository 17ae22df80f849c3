"""`cofee new`: settles the answers, renders the service and runs the template's tasks."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cofee.changes.clients import CLIENTS, read_clients
from cofee.commands.destination import Destination, combined, examine
from cofee.commands.session import asker
from cofee.commands.set_options import refuse_hidden
from cofee.console import output
from cofee.console.mode import Options
from cofee.engine.questionnaire import Answers
from cofee.engine.render import Renderer
from cofee.errors import CofeeError, Problems, UsageError, listing, quote
from cofee.files import Change, Tree, load_yaml
from cofee.project.staging import Staging, staged
from cofee.spec import gate, names, parse
from cofee.spec.facts import Facts
from cofee.spec.names import Names
from cofee.spec.record import Module, Scope
from cofee.spec.yaml_input import read_mapping
from cofee.template import template, trust
from cofee.template.ask import Ask
from cofee.template.template import Template
from cofee.template.upgrade_notes import below_repository_root


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
    destination: Destination
    answers: Answers
    tree: Tree


def make_service(request: Request, options: Options) -> None:
    """Run `cofee new`."""
    service = plan_service(request, asker(options))
    present = service.destination.files
    made = [Change(path, present.get(path), file) for path, file in sorted(service.tree.items())]
    rows = [{"path": change.path, "action": output.action(change)} for change in made]
    for row in rows:
        options.printer.verb(row["action"], row["path"])
    notes = below_repository_root(service.template, service.destination.path, service.tree)
    for note in notes:
        options.printer.verb("note", note)
    document = {
        "command": "cofee new",
        "files": rows,
        "notes": notes,
        "commit": service.template.commit,
        "commit_hash": service.template.commit_hash,
        "version": str(service.template.version or "") or None,
    }
    if options.diff and not options.as_json:
        output.write(output.patch_of(made))
    if options.writes:
        notes += _write(service, options)
        options.printer.say(message_after_copy(service))
    else:
        options.printer.verb("note", "nothing was written")
    options.printer.data({**document, "written": options.writes})


def plan_service(request: Request, ask: Ask | None) -> Service:
    """Render a new service in memory.

    Args:
        ask: asks the open questions; None without a terminal.

    Raises:
        CofeeError: the destination exists, the template cannot be fetched or is not trusted, or an
        answer is rejected.
    """
    destination = examine(request.destination)
    source = template.absolute_source(request.template or trust.default_source())
    found = template.latest(source, request.ref)
    found.require_contract()
    trust.require_trusted(found, trusted=request.trusted)
    renderer = Renderer(found)
    settled = _settle(renderer, destination.path.name, request, ask)
    tree = combined(renderer.render(settled, "copy"), destination)
    return Service(found, destination, settled, tree)


def run_tasks(service: Service, staging: Staging, *, quiet: bool) -> None:
    """Run the template's tasks in the new service, as Copier runs them.

    Raises:
        CofeeError: a task fails.
    """
    renderer = Renderer(service.template)
    context = {
        **service.answers.context,
        "_copier_operation": "copy",
        "_copier_python": sys.executable,
        "_copier_conf": {
            "src_path": str(service.template.root),
            "dst_path": str(staging.service),
            "quiet": quiet,
        },
        "_stage": "task",
    }
    for given in service.template.setting("tasks", []):
        task = given if isinstance(given, dict) else {"command": given}
        if renderer.holds(task.get("when", True), context):
            command = [renderer.text(part, context) for part in _words(task["command"])]
            _run(command, renderer.text(task.get("working_directory", "."), context), staging)


def message_after_copy(service: Service) -> str:
    """Return the template's message after the service was created."""
    context = {
        **service.answers.context,
        "_copier_conf": {"dst_path": str(service.destination.path)},
    }
    return Renderer(service.template).text(
        service.template.setting("message_after_copy", ""), context
    )


def read_data(pairs: Sequence[str], data_file: Path | None) -> dict[str, Any]:
    """Read `--data KEY=VALUE` and `--data-file`; `--data` takes precedence."""
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
    targets = found.facts.targets.items()
    extended = {target.fields: name for name, target in targets if target.fields is not None}
    for name in request.data.keys() - {"modules", CLIENTS} - extended.keys():
        refuse_hidden(found, name)
    problems = Problems()
    modules = [*gate.read_modules(_loaded(request.data.get("modules", []), "modules"), "the data")]
    with problems.collected():
        modules += _typed(request.modules, modules, found.facts)
    with problems.collected():
        modules = [*gate.check_modules(modules, found.facts)]
    added: dict[str, object] = {}
    with problems.collected():
        if CLIENTS in request.data:
            added[CLIENTS] = read_clients(_loaded(request.data[CLIENTS], CLIENTS), found.facts)
    for answer, name in extended.items():
        with problems.collected(f"`{name}`"):
            if answer in request.data:
                added[answer] = _added_fields(request.data[answer], name, found.facts)
    problems.require_none()
    return {**request.data, **added, "modules": [module.to_record() for module in modules]}


def _added_fields(given: object, name: str, facts: Facts) -> list[dict[str, object]]:
    """Return the records of fields that are added to what an option brings."""
    fields = _loaded(given, name)
    if not isinstance(fields, list):
        raise CofeeError(f"its fields must be a list, not {quote(given)}")
    return [field.to_record() for field in gate.check_fields(fields, facts, [name], name)]


def _loaded(given: object, name: str) -> object:
    """Return an answer, which is YAML if `--data` gives it."""
    return load_yaml(given.encode(), path=name) if isinstance(given, str) else given


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


def _words(command: str | Sequence[str]) -> Sequence[str]:
    return ["sh", "-c", command] if isinstance(command, str) else command


def _write(service: Service, options: Options) -> list[str]:
    """Create the service with the results of the template's tasks, or nothing; return notes."""
    present = service.destination.files
    with staged(service.destination.path) as staging:
        staging.write({**present, **service.tree})
        options.printer.say("running the template's tasks …")
        run_tasks(service, staging, quiet=options.quiet or options.as_json)
        recorded = staging.recorded_in()
        staging.take_place(present)
    if not recorded:
        return []
    note = (
        f"the tasks ran in a temporary directory, and {listing(recorded)} contains its path: "
        "create it again"
    )
    options.printer.verb("note", note)
    return [note]


def _run(command: Sequence[str], folder: str, staging: Staging) -> None:
    """Run a task; it holds the lock as well, in case this process is killed before it ends."""
    done = subprocess.run(
        command,
        cwd=staging.service / folder,
        env={**os.environ, "STAGE": "task"},
        pass_fds=[staging.lock],
        check=False,
    )
    if done.returncode:
        raise CofeeError(
            f"the template's task `{shlex.join(command)}` failed with code {done.returncode}",
            hint="the service was removed again; run that task by hand to see why it fails",
        )
