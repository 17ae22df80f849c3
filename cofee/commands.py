"""The commands behind the command line: each opens the project, plans, shows and applies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cofee import change, project, report
from cofee.change import Plan
from cofee.cli_options import Options
from cofee.errors import UsageError
from cofee.names import Names
from cofee.project import Project
from cofee.recording import Change

CONFLICTS_LEFT = 2  # the exit code
GO_ON = "edit each conflict, then `cofee update --continue`; or go back with `cofee update --abort`"


@dataclass(frozen=True)
class ModuleRequest:
    """A new module as it was typed."""

    name: str
    fields: tuple[str, ...]
    source: Path | None
    entity: str | None
    plural: str | None
    rules: Mapping[str, Any]


def make_service(request: Any, options: Options) -> None:
    """Run `cofee new`."""
    from cofee import create

    service = create.plan_service(request, _asker(options))
    rows = [{"path": path, "action": "create"} for path in sorted(service.tree)]
    for row in rows:
        options.printer.verb(row["action"], row["path"])
    document = {"command": "cofee new", "files": rows, "commit": service.template.commit}
    if options.diff and not options.as_json:
        made = [Change(path, None, file) for path, file in sorted(service.tree.items())]
        report.write(report.patch_of(made))
    if options.writes:
        create.write_service(service)
        options.printer.say("running the template's tasks …")
        create.run_tasks(service, quiet=options.quiet or options.as_json)
        options.printer.say(create.message_after_copy(service))
    else:
        options.printer.verb("note", "nothing was written")
    options.printer.data({**document, "written": options.writes})


def add_module(directory: Path, request: ModuleRequest, options: Options) -> None:
    """Run `cofee new-module`."""
    from cofee import operations, soundness

    with opened(directory, options) as found:
        derived = operations.module_names(found, request.name, request.entity, request.plural)
        given, from_file = _fields_and_rules(request)
        rules = {**from_file, **request.rules}
        about = _about(derived, rules)
        options.printer.say("\n".join(about))
        if given is None:
            given = _asked_fields(found, derived.module, about, rules, options)
        record = operations.module_record(found, derived, given, rules)
        plan = operations.plan_module(found, record)
        soundness.require_sound(found.root, plan)
        next_steps = found.template.setting("cofee_next_steps", [])
        finish(found, plan, options, next_steps=next_steps)


def update(directory: Path, to: str | None, options: Options, *, defaults: bool) -> None:
    """Run `cofee update`.

    Args:
        defaults: new questions take their defaults; `--yes` says so too, and not the other way.
    """
    from cofee import operations, upgrades
    from cofee.consent import confirm_broken

    with opened(directory, options) as found:
        options.printer.say("asking the template for its versions …")
        planned = operations.plan_update(found, to, defaults, _asker(options))
        versions = {"from": planned.old.commit, "to": planned.new.commit}
        options.printer.say(f"template {versions['from']} → {versions['to']}")
        for name, value in planned.defaulted.items():
            options.printer.verb("note", f"new question `{name}` took its default `{value}`")
        broken = confirm_broken(found.root, planned.plan, options)
        notes = upgrades.notes_between(planned.old, planned.new)
        more = {**versions, "defaulted": planned.defaulted, "notes": notes, "broken": broken}
        steps = upgrades.follow_up(planned.new, planned.plan)
        finish(found, planned.plan, options, next_steps=steps, more=more, notes=notes)


def finish_update(
    directory: Path, options: Options, *, resume: bool, abort: bool, to: str | None
) -> None:
    """Run `cofee update --continue` and `--abort`."""
    if resume and abort:
        raise UsageError("`--continue` and `--abort` exclude each other")
    if to is not None:
        raise UsageError("`--to` starts an update, so it goes without `--continue` and `--abort`")
    if not options.writes:
        raise UsageError("`--continue` and `--abort` have no preview; `git diff` shows what stands")
    found = project.find(directory)
    with found.journal.lock():
        if resume:
            record = change.resume(found)
            options.printer.say(f"done: `{record.data['command']}` is complete")
        else:
            plan = change.plan_abort(found, agreed=options.yes)
            change.abort(found, plan)
            options.printer.plan(plan)
            options.printer.say("done: everything is as it was before")
    options.printer.data({"command": "cofee update", "written": True})


def undo(directory: Path, options: Options) -> None:
    """Run `cofee undo`."""
    from cofee.consent import confirm, confirm_broken
    from cofee.undo import plan_undo
    from cofee.upgrades import follow_up

    with opened(directory, options) as found:
        planned = plan_undo(found)
        options.printer.say(f"taking back `{planned.record.data['command']}`")
        for note in planned.notes:
            options.printer.verb("note", note)
        broken = confirm_broken(found.root, planned.plan, options)
        if planned.notes and options.writes:
            confirm("Take it back now?", options)
        steps = follow_up(found.template, planned.plan)
        more = {"notes": planned.notes, "broken": broken}
        finish(found, planned.plan, options, next_steps=steps, more=more)


def show_difference(directory: Path, module: str | None, options: Options) -> None:
    """Run `cofee diff`."""
    from cofee import difference

    found = project.find(directory)
    found.journal.recover()
    edits = difference.edits(found, module)
    if options.as_json:
        rows = [{"path": edit.path, "action": report.action(edit)} for edit in edits]
        options.printer.data({"command": "cofee diff", "files": rows})
    else:
        report.write(report.patch_of(edits))


def show_status(directory: Path, options: Options, *, check: bool) -> None:
    """Run `cofee status`."""
    from cofee import status

    found = project.find(directory)
    found.journal.recover()
    state = status.read(found)
    for line in status.lines(state):
        if not options.as_json:
            report.write(f"{line}\n")
    options.printer.data(state.document)
    if check and state.is_pending:
        raise typer.Exit(1)


@contextlib.contextmanager
def opened(directory: Path, options: Options) -> Iterator[Project]:
    """Open the project; who writes keeps everybody else out, and a preview writes nothing."""
    found = project.find(directory)
    found.journal.recover()
    with found.journal.lock() if options.writes else contextlib.nullcontext():
        change.require_settled(found)
        yield found


def _fields_and_rules(request: ModuleRequest) -> tuple[list[Any] | None, dict[str, Any]]:
    """Return the new module's fields from a file or the command line; None where there are none."""
    if request.source is None:
        return list(request.fields) or None, {}
    from cofee.shapes import read_module

    if request.fields:
        raise UsageError("fields on the command line and `--from` exclude each other")
    return read_module(request.source)


def _about(derived: Names, rules: Mapping[str, Any]) -> list[str]:
    """Return what a person is told of a new module: what follows from its name and its owner."""
    below = f"its routes stand below /projects/{{project_id}}{derived.url}"
    return [derived.summary, *([below] if rules.get("owned_by") == "project" else [])]


def _asked_fields(
    found: Project, module: str, about: Sequence[str], rules: Mapping[str, Any], options: Options
) -> list[Any]:
    """Ask for the fields; where nobody can be asked, there are none."""
    if options.yes or not options.interactive:
        return []
    from cofee import prompts, rule_options

    others = [record["name"] for record in found.modules]
    written = rule_options.written(rules)
    return list(prompts.ask_fields(found.template.types, others, module, about, written))


def finish(
    found: Project,
    plan: Plan,
    options: Options,
    *,
    next_steps: Sequence[str] = (),
    more: Mapping[str, Any] | None = None,
    notes: list[str] | None = None,
    concerned: Collection[str] = (),
) -> None:
    """Show a plan, apply it unless asked not to, and end with the right code.

    Args:
        concerned: the modules whose tests must stay green under `--verify`; none for all tests.
    """
    if options.diff and not options.as_json:
        report.write(report.patch(plan))
    else:
        options.printer.plan(plan)
    if options.writes and not plan.is_empty:
        _apply(found, plan, options, concerned)
    _say_what_is_next(plan, options, next_steps, notes or [])
    written = options.writes and not plan.is_empty
    options.printer.data({**report.document(plan), **(more or {}), "written": written})
    if plan.conflicts:
        raise typer.Exit(CONFLICTS_LEFT)


def _apply(found: Project, plan: Plan, options: Options, concerned: Collection[str]) -> None:
    if not options.verify:
        change.execute(found, plan)
        return
    from cofee import verification

    options.printer.say("verifying: the checks as they are now …")
    before = verification.state(found, concerned)
    record = change.execute(found, plan)
    options.printer.say("verifying: the checks with the change …")
    verification.require_still_green(found, plan, record, before, concerned)


def _say_what_is_next(
    plan: Plan, options: Options, next_steps: Sequence[str], notes: list[str]
) -> None:
    printer = options.printer
    for note in notes:
        printer.verb("note", note)
    if plan.is_empty:
        printer.say("nothing to do: everything is up to date")
    elif not options.writes:
        printer.say("nothing was written")
    elif plan.conflicts:
        for conflict in plan.conflicts:
            printer.say(f"{conflict.path}: {conflict.reason}")
        printer.verb("next", GO_ON)
    else:
        for step in next_steps:
            printer.verb("next", step)


def _asker(options: Options) -> Callable[..., Mapping[str, Any]] | None:
    """Return what asks a person; None where nobody is there."""
    if not options.interactive:
        return None
    from cofee.asking import ask

    return ask
