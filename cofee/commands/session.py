"""The commands behind the command line: each opens the project, plans, shows and applies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cofee.cli.options import Options
from cofee.console import output
from cofee.errors import UsageError
from cofee.project import plan as planning
from cofee.project import project
from cofee.project.plan import Plan
from cofee.project.project import Project
from cofee.project.recording import Change
from cofee.spec.names import Names

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
    from cofee.commands import new

    service = new.plan_service(request, _asker(options))
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
        new.write_service(service)
        options.printer.say("running the template's tasks …")
        new.run_tasks(service, quiet=options.quiet or options.as_json)
        options.printer.say(new.message_after_copy(service))
    else:
        options.printer.verb("note", "nothing was written")
    options.printer.data({**document, "written": options.writes})


def add_module(directory: Path, request: ModuleRequest, options: Options) -> None:
    """Run `cofee new-module`."""
    from cofee.project import sides
    from cofee.source import broken_imports

    with opened(directory, options) as found:
        derived = sides.module_names(found, request.name, request.entity, request.plural)
        given, from_file = _fields_and_rules(request)
        rules = {**from_file, **request.rules}
        about = _about(derived, rules)
        options.printer.say("\n".join(about))
        if given is None:
            given = _asked_fields(found, derived.module, about, rules, options)
        record = sides.module_record(found, derived, given, rules)
        plan = sides.plan_module(found, record)
        broken_imports.require_sound(found.root, plan)
        next_steps = found.template.setting("cofee_next_steps", [])
        finish(found, plan, options, next_steps=next_steps)


def update(directory: Path, to: str | None, options: Options, *, defaults: bool) -> None:
    """Run `cofee update`.

    Args:
        defaults: new questions take their defaults; `--yes` says so too, and not the other way.
    """
    from cofee.console.confirm import confirm_broken
    from cofee.project import sides
    from cofee.template import template, upgrade_notes

    with opened(directory, options) as found:
        options.printer.say("asking the template for its versions …")
        planned = sides.plan_update(found, to, defaults, _asker(options))
        versions = {"from": planned.old.commit, "to": planned.new.commit}
        options.printer.say(f"template {planned.old.label} → {planned.new.label}")
        changed_tag = template.changed_tag(planned.old, base=found.root)
        if changed_tag:
            options.printer.verb("note", changed_tag)
        for name, value in planned.defaulted.items():
            options.printer.verb("note", f"new question `{name}` took its default `{value}`")
        broken = confirm_broken(found.root, planned.plan, options)
        notes = upgrade_notes.notes_between(planned.old, planned.new)
        more = {
            **versions,
            "changed_tag": changed_tag,
            "defaulted": planned.defaulted,
            "notes": notes,
            "broken": broken,
        }
        steps = upgrade_notes.follow_up(planned.new, planned.plan)
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
            record = planning.resume(found)
            options.printer.say(f"done: `{record.data['command']}` is complete")
        else:
            plan = planning.plan_abort(found, agreed=options.yes)
            planning.abort(found, plan)
            options.printer.plan(plan)
            options.printer.say("done: everything is as it was before")
    options.printer.data({"command": "cofee update", "written": True})


def undo(directory: Path, options: Options) -> None:
    """Run `cofee undo`."""
    from cofee.commands.undo import plan_undo
    from cofee.console.confirm import confirm, confirm_broken
    from cofee.template.upgrade_notes import follow_up

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
    from cofee.commands import difference

    found = project.find(directory)
    found.journal.recover()
    edits = difference.edits(found, module)
    if options.as_json:
        rows = [{"path": edit.path, "action": output.action(edit)} for edit in edits]
        options.printer.data({"command": "cofee diff", "files": rows})
    else:
        output.write(output.patch_of(edits))


def show_status(directory: Path, options: Options, *, check: bool) -> None:
    """Run `cofee status`."""
    from cofee.commands import inspect

    found = project.find(directory)
    found.journal.recover()
    state = inspect.read(found)
    for line in inspect.lines(state, found.template):
        if not options.as_json:
            output.write(f"{line}\n")
    options.printer.data(state.document)
    if check and state.is_pending:
        raise typer.Exit(1)


@contextlib.contextmanager
def opened(directory: Path, options: Options) -> Iterator[Project]:
    """Open the project; who writes keeps everybody else out, and a preview writes nothing."""
    found = project.find(directory)
    found.journal.recover()
    with found.journal.lock() if options.writes else contextlib.nullcontext():
        planning.require_settled(found)
        yield found


def _fields_and_rules(request: ModuleRequest) -> tuple[list[Any] | None, dict[str, Any]]:
    """Return the new module's fields from a file or the command line; None where there are none."""
    if request.source is None:
        return list(request.fields) or None, {}
    from cofee.spec.yaml_input import read_module

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
    from cofee.cli import rule_options
    from cofee.console import wizard

    others = [record["name"] for record in found.modules]
    written = rule_options.written(rules)
    return list(wizard.ask_fields(found.template.types, others, module, about, written))


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
        output.write(output.patch(plan))
    else:
        options.printer.plan(plan)
    if options.writes and not plan.is_empty:
        _apply(found, plan, options, concerned)
    _say_what_is_next(plan, options, next_steps, notes or [])
    written = options.writes and not plan.is_empty
    options.printer.data({**output.document(plan), **(more or {}), "written": written})
    if plan.conflicts:
        raise typer.Exit(CONFLICTS_LEFT)


def _apply(found: Project, plan: Plan, options: Options, concerned: Collection[str]) -> None:
    if not options.verify:
        planning.execute(found, plan)
        return
    from cofee.commands import verify

    options.printer.say("verifying: the checks as they are now …")
    before = verify.state(found, concerned)
    record = planning.execute(found, plan)
    options.printer.say("verifying: the checks with the change …")
    verify.require_still_green(found, plan, record, before, concerned)


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
    from cofee.template.ask import ask

    return ask
