"""Adding, renaming and removing tasks. A task has no table, so there is no migration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cofee.changes.step import Modules, Renaming, Step, find
from cofee.errors import CofeeError
from cofee.spec import tasks
from cofee.spec.facts import Facts
from cofee.spec.record import Module


def add_task(
    modules: Modules, name: str, given: Iterable[str], module: str, every: str | None, facts: Facts
) -> Step:
    """Return the step that adds a task to a module.

    Args:
        given: the specifications of its arguments.
        every: its interval if it is scheduled; None if requests start it.
    """
    if "tasks" not in facts.rules:
        raise CofeeError(
            "the template of this service does not support tasks", hint="run `cofee update` first"
        )
    before = find(modules, module, facts)
    task = tasks.read_task(name, given, every, facts)
    after = tasks.with_tasks(before, (*before.tasks, task))
    return Step(f"cofee new-task {name}", _replaced(modules, before, after), None)


def rename_task(modules: Modules, old: str, new: str, facts: Facts) -> Step:
    """Return the step that renames a task and what is named after it."""
    before, task = tasks.find_task(modules, old)
    other = replace(task, name=new, was=(old, *(name for name in task.was if name != new)))
    renamed = [other if one is task else one for one in before.tasks]
    after = _replaced(modules, before, tasks.with_tasks(before, renamed))
    entity = before.entity
    classes = {f"{entity}{task.title}": f"{entity}{other.title}", old: new}
    renaming = Renaming(
        before.name,
        frozenset([f"{entity}Service"]),
        attributes={old: new, f"start_{old}": f"start_{new}"},
        classes=classes,
        places=tuple(folder.replace("/", ".") for folder in facts.folders(before.name)),
    )
    waiting = f"jobs of `{old}` that have not ended are run: delete `was` in the code after that"
    return Step(
        f"cofee rename-task {old} {new}", after, None, renaming=renaming, warnings=(waiting,)
    )


def remove_task(modules: Modules, name: str) -> Step:
    """Return the step that removes a task."""
    before, task = tasks.find_task(modules, name)
    left = [one for one in before.tasks if one is not task]
    lost = f"jobs of `{name}` that have not ended will fail"
    after = _replaced(modules, before, tasks.with_tasks(before, left))
    return Step(f"cofee remove-task {name}", after, None, warnings=(lost,), takes_away=True)


def _replaced(modules: Modules, before: Module, after: Module) -> list[Module]:
    return [after if module is before else module for module in modules]
