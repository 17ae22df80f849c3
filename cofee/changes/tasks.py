"""Adding, renaming and removing tasks and tools. They have no tables, so none needs a migration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cofee.changes.step import Modules, Renaming, Step, find
from cofee.errors import CofeeError
from cofee.spec import tasks
from cofee.spec.facts import Facts
from cofee.spec.record import Module
from cofee.spec.tasks import TASKS, Kind


def add_task(
    modules: Modules,
    name: str,
    given: Iterable[str],
    module: str,
    every: str | None,
    facts: Facts,
    kind: Kind = TASKS,
) -> Step:
    """Return the step that adds a task or a tool to a module.

    Args:
        given: the specifications of its arguments.
        every: its interval if it is scheduled; None if requests start it.
    """
    if kind.key not in facts.rules:
        raise CofeeError(
            f"the template of this service does not support {kind.noun}s of modules",
            hint="run `cofee update` first",
        )
    before = find(modules, module, facts)
    task = tasks.read_task(name, given, every, facts)
    after = kind.given_to(before, (*kind.of(before), task))
    return Step(f"cofee new-{kind.noun} {name}", _replaced(modules, before, after), None)


def rename_task(modules: Modules, old: str, new: str, facts: Facts, kind: Kind = TASKS) -> Step:
    """Return the step that renames a task or a tool, and what is named after it."""
    before, task = tasks.find_task(modules, old, kind)
    is_task = kind is TASKS
    was = (old, *(name for name in task.was if name != new)) if is_task else ()
    other = replace(task, name=new, was=was)
    renamed = [other if one is task else one for one in kind.of(before)]
    after = _replaced(modules, before, kind.given_to(before, renamed))
    entity = before.entity
    functions = {old: new} if is_task else {}  # a tool is a method alone
    renaming = Renaming(
        before.name,
        frozenset([f"{entity}Service"]),
        attributes={old: new, **({f"start_{old}": f"start_{new}"} if is_task else {})},
        classes={f"{entity}{task.title}": f"{entity}{other.title}", **functions},
        places=tuple(folder.replace("/", ".") for folder in facts.folders(before.name)),
    )
    waiting = f"jobs of `{old}` that have not ended are run: delete `was` in the code after that"
    calls = f"models that know the tool `{old}` cannot call it any longer"
    command = f"cofee rename-{kind.noun} {old} {new}"
    warnings = (waiting if is_task else calls,)
    return Step(command, after, None, renaming=renaming, warnings=warnings)


def remove_task(modules: Modules, name: str, kind: Kind = TASKS) -> Step:
    """Return the step that removes a task or a tool."""
    before, task = tasks.find_task(modules, name, kind)
    left = [one for one in kind.of(before) if one is not task]
    lost = (f"jobs of `{name}` that have not ended will fail",) if kind is TASKS else ()
    after = _replaced(modules, before, kind.given_to(before, left))
    command = f"cofee remove-{kind.noun} {name}"
    return Step(command, after, None, warnings=lost, takes_away=True)


def _replaced(modules: Modules, before: Module, after: Module) -> list[Module]:
    return [after if module is before else module for module in modules]
