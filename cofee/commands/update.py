"""`cofee update`: merges another commit of the template, and completes or aborts conflicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cofee.commands import database
from cofee.commands.session import asker, finish, opened
from cofee.console.confirm import confirm_broken
from cofee.console.mode import Options
from cofee.engine.questionnaire import Answers
from cofee.engine.render import Renderer
from cofee.errors import UsageError
from cofee.project import apply, project, sides
from cofee.project.plan import Plan, plan_merge
from cofee.project.project import ANSWERS_FILE, Project
from cofee.spec.gate import require_known
from cofee.template import template, upgrade_notes
from cofee.template.ask import Ask
from cofee.template.template import Template


@dataclass(frozen=True)
class Update:
    """A planned update: both versions, and new questions that took their default."""

    plan: Plan
    old: Template
    new: Template
    defaulted: Mapping[str, object]


def update(
    directory: Path, to: str | None, source: str | None, options: Options, *, defaults: bool
) -> None:
    """Run `cofee update`.

    Args:
        source: the new address of the template; None if it did not move.
        defaults: new questions take their defaults, which `--yes` implies.
    """
    with opened(directory, options) as found:
        if source is not None:
            found = replace(found, source=template.absolute_source(source))
        options.printer.say("checking the template for newer versions …")
        planned = plan_update(found, to, defaults, asker(options))
        versions = {"from": planned.old.commit, "to": planned.new.commit}
        options.printer.say(f"template {planned.old.label} → {planned.new.label}")
        changed_tag = template.changed_tag(planned.old, base=found.root)
        if changed_tag:
            options.printer.verb("note", changed_tag)
        for name, value in planned.defaulted.items():
            options.printer.verb("note", f"new question `{name}` took its default `{value}`")
        broken = confirm_broken(found, planned.plan, options)
        notes = upgrade_notes.notes_between(planned.old, planned.new)
        more = {
            **versions,
            "changed_tag": changed_tag,
            "defaulted": planned.defaulted,
            "notes": notes,
            "broken": broken,
        }
        steps = upgrade_notes.follow_up(planned.new, planned.plan.outcome)
        finish(found, planned.plan, options, next_steps=steps, more=more, notes=notes)


def finish_update(
    directory: Path, options: Options, *, resume: bool, abort: bool, given: Mapping[str, str | None]
) -> None:
    """Run `cofee update --continue` and `--abort`.

    Args:
        given: the options for a new update, which are not allowed here.
    """
    if resume and abort:
        raise UsageError("`--continue` and `--abort` cannot be combined", hint="choose one")
    for option in [option for option, value in given.items() if value is not None]:
        raise UsageError(
            f"`{option}` cannot be combined with `--continue` and `--abort`",
            hint="complete or abort the update first",
        )
    if options.verify:
        raise UsageError(
            "`--verify` cannot be combined with `--continue` and `--abort`",
            hint="run the tests after the update is complete",
        )
    if not options.writes:
        raise UsageError("`--continue` and `--abort` have no preview; use `git diff`")
    found = project.find(directory)
    with found.journal.lock():
        if resume:
            record = apply.resume(found)
            options.printer.say(f"done: `{record.data['command']}` is complete")
        else:
            plan = apply.plan_abort(found, agreed=options.yes)
            gone = [change.path for change in plan.changes if change.after is None]
            removal = database.plan_removal(found, list(filter(found.migrations.holds, gone)))
            database.agree(found, removal, options, "Abort it now?", downgrade=None)
            apply.abort(found, plan)
            options.printer.plan(plan)
            options.printer.say("done: the state before the update is restored")
    options.printer.data({"command": "cofee update", "written": True})


def plan_update(project: Project, to: str | None, defaults: bool, ask: Ask | None) -> Update:
    """Plan the way from the recorded template commit to another.

    Args:
        ask: asks the user; None without a terminal.

    Raises:
        CofeeError: the template cannot be reached, or it has questions and there is no terminal.
    """
    old = project.template
    new = template.latest(old.source, to, base=project.root)
    new.require_contract()
    where = f"`{ANSWERS_FILE}`, for template `{new.label}`"
    require_known(project.modules, new.facts, where)
    renderer = Renderer(new)
    settled = sides.settle(renderer, project, {})
    if settled.defaulted and not defaults:
        settled = sides.settle(renderer, project, _asked(new, project, settled, ask))
    base = sides.rendered(Renderer(old, like=renderer), project, {})
    planned = plan_merge(project, "cofee update", base, renderer.render(settled, "update"))
    return Update(planned, old, new, settled.defaulted)


def _asked(
    new: Template, project: Project, settled: Answers, ask: Ask | None
) -> Mapping[str, object]:
    """Ask the user the new questions."""
    if ask is None:
        questions = ", ".join(f"`{name}`" for name in settled.defaulted)
        raise UsageError(
            f"template `{new.label}` has new questions and there is no terminal to ask them: "
            f"{questions}",
            hint="use the defaults with `--defaults`; they are listed",
        )
    known = {k: v for k, v in settled.recorded.items() if k not in settled.defaulted}
    return ask(new, known, project.root.name)
