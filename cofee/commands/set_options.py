"""`cofee set`: changes options, which are answers to the template's questions."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from cofee.changes.step import Migration, Step
from cofee.commands.session import finish, opened
from cofee.console.confirm import confirm_loss
from cofee.console.mode import Options
from cofee.engine.merge import lines_at_stake
from cofee.engine.questionnaire import Answers, asked_of
from cofee.engine.render import Renderer
from cofee.errors import CofeeError, UsageError, did_you_mean, listing, quote
from cofee.project import sides
from cofee.project.plan import let_go
from cofee.project.project import Project
from cofee.source import breakage
from cofee.spec import owners
from cofee.template.template import Template
from cofee.template.upgrade_notes import below_repository_root, follow_up

# Other recorded answers, and how to change them.
NO_OPTIONS = {
    "kind": "the kind cannot change; `cofee new-module` adds modules",
    "modules": "change modules with `cofee new-module`, `cofee add-field` and similar commands",
    "user_fields": "change the fields of users with `cofee add-field users` and similar commands",
    "clients": "change clients with `cofee new-client` and `cofee remove-client`",
    "migrations": "commands that change modules write migrations; they are never recorded",
}


def set_options(directory: Path, pairs: Sequence[str], options: Options) -> None:
    """Run `cofee set`."""
    given = read_pairs(pairs)
    with opened(directory, options) as found:
        step = change_options(found, given)
        for warning in step.warnings:
            options.printer.verb("note", warning)
        plan = sides.plan_step(found, step).plan
        if plan.removed:
            at_stake = {conflict.path: lines_at_stake(conflict) for conflict in plan.removed}
            confirm_loss(at_stake, options)
            plan = let_go(found, plan)
        packages = found.template.facts.packages
        breakage.require_sound(found.root, plan.outcome, plan.conflicted, packages)
        next_steps = [
            *follow_up(found.template, plan.outcome),
            *found.template.setting("cofee_next_steps", []),
        ]
        created = [change.path for change in plan.changes if change.before is None]
        notes = below_repository_root(found.template, found.root, created)
        more = {"warnings": list(step.warnings), "next_steps": next_steps, "notes": notes}
        finish(found, plan, options, next_steps=next_steps, more=more, notes=notes)


def read_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """Read `KEY=VALUE`, each key once.

    Raises:
        UsageError: a pair is invalid, or a key occurs twice.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"{quote(pair)} must be `KEY=VALUE`")
        if key in given:
            raise UsageError(f"the option {quote(key)} is given twice", hint="give it once")
        given[key] = value
    return given


def change_options(project: Project, given: Mapping[str, str]) -> Step:
    """Change options; the manual steps are warnings of the step.

    Raises:
        CofeeError: an option is unknown, or its value is not allowed.
    """
    for name in given:
        _require_option(project.template, name)
    facts, renderer = project.template.facts, Renderer(project.template)
    owners.require_options(project.modules, {**project.answers, **given}, given, facts)
    owners.require_same_store(project.modules, project.answers, given, facts)
    off = _turned_off(given, renderer, project)
    owners.require_options(project.modules, {**project.answers, **given, **off}, off, facts)
    settled = renderer.settle(given, project.answers, project.root.name)
    _require_meaning(given, settled, renderer, project)
    words = [f"{name}={value}" for name, value in given.items()]
    return Step(
        f"cofee set {shlex.join(words)}",
        project.modules,
        _migration(renderer, project, settled),
        warnings=(*_unasked(project, settled), *_by_hand(renderer, project, settled)),
        answers={name: settled.recorded[name] for name in given if name in settled.recorded},
    )


def _turned_off(
    given: Mapping[str, str], renderer: Renderer, project: Project
) -> dict[str, object]:
    """Return the options that are no longer asked, as vectors are not with SQLite.

    They are settled without the modules: the errors of these would name options to turn on again.
    """
    asked = renderer.settle({**given, "modules": []}, project.answers, project.root.name)
    return {
        name: asked.context.get(name)
        for name in asked_of(project.template)
        if name in project.answers and name not in asked.recorded
    }


def _require_meaning(
    given: Mapping[str, str], settled: Answers, renderer: Renderer, project: Project
) -> None:
    """Reject an answer to a question that is not asked, unless it has no effect."""
    asked = {name: value for name, value in given.items() if name in settled.recorded}
    if asked == given:
        return
    without = renderer.settle(asked, project.answers, project.root.name).context
    for name in given.keys() - asked.keys():
        if settled.context[name] != without.get(name):
            raise CofeeError(
                f"the option {quote(name)} has no effect with the current other options",
                hint="set the option that it depends on in the same command",
            )


def _require_option(template: Template, name: str) -> None:
    """Reject a name that is not a question for users."""
    refuse_hidden(template, name)
    options = asked_of(template)
    if name not in options:
        raise CofeeError(
            f"there is no option {quote(name)}; the options are {listing(options)}",
            hint=did_you_mean(name, options),
        )


def refuse_hidden(template: Template, name: str) -> None:
    """Reject a question that users are not asked: commands or Copier answer it.

    Raises:
        CofeeError: the hint says what answers it.
    """
    options = asked_of(template)
    if name in template.questions and name not in options:
        hint = NO_OPTIONS.get(name, f"the options are {listing(options)}")
        raise CofeeError(f"{quote(name)} is not an option of the service", hint=hint)


def _unasked(project: Project, settled: Answers) -> list[str]:
    """Return notes on questions that are newly asked, with their default, or no longer asked.

    A question that is no longer asked has its default. If it had that before, nothing is lost.
    """
    come = [f"the option `{key}` is `{value}` now" for key, value in settled.defaulted.items()]
    options = {key: value for key, value in project.answers.items() if key in settled.context}
    unasked = {key: value for key, value in options.items() if key not in settled.recorded}
    gone = [key for key, value in unasked.items() if value != settled.context[key]]
    return [*come, *(f"the option `{key}` no longer has an effect" for key in gone)]


def _migration(renderer: Renderer, project: Project, settled: Answers) -> Migration | None:
    """Return the migration that the template asks for between the answers, without its place."""
    asked: str = project.template.setting("cofee_set_migration", "")
    answers = {"before": project.answers, "after": settled.recorded}
    found = json.loads(renderer.text(asked, answers).strip() or "null")
    return Migration(found["operation"], found["slug"], details=found) if found else None


def _by_hand(renderer: Renderer, project: Project, settled: Answers) -> list[str]:
    """Return what the template says about each answer that becomes another one."""
    notes: Mapping[str, Sequence[str]] = project.template.setting("cofee_set_notes", {})
    known = settled.recorded.keys() | project.answers.keys()
    changed = [
        name
        for name in notes
        if name in known and settled.context.get(name) != project.answers.get(name)
    ]
    texts = (renderer.text(note, settled.context) for name in changed for note in notes[name])
    return [text for text in texts if text.strip()]
