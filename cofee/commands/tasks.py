"""The commands that add, rename and remove tasks and tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cofee.changes import tasks
from cofee.changes.step import Step
from cofee.commands.modules import run_step
from cofee.console.mode import Options
from cofee.project.project import Project
from cofee.spec.tasks import TASKS, TOOLS, Kind

__all__ = ["TASKS", "TOOLS", "add_task", "remove_task", "rename_task"]


def add_task(
    directory: Path,
    name: str,
    given: Sequence[str],
    module: str,
    every: str | None,
    options: Options,
    kind: Kind = TASKS,
) -> None:
    """Run `cofee new-task` or `cofee new-tool`."""

    def step(found: Project) -> Step:
        facts = found.template.facts
        return tasks.add_task(found.modules, name, given, module, every, facts, kind)

    run_step(directory, step, options)


def rename_task(directory: Path, old: str, new: str, options: Options, kind: Kind = TASKS) -> None:
    """Run `cofee rename-task` or `cofee rename-tool`."""

    def step(found: Project) -> Step:
        return tasks.rename_task(found.modules, old, new, found.template.facts, kind)

    run_step(directory, step, options)


def remove_task(directory: Path, name: str, options: Options, kind: Kind = TASKS) -> None:
    """Run `cofee remove-task` or `cofee remove-tool`."""
    run_step(directory, lambda found: tasks.remove_task(found.modules, name, kind), options)
