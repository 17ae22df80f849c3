"""The commands that add, rename and remove tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cofee.changes import tasks
from cofee.changes.step import Step
from cofee.commands.modules import run_step
from cofee.console.mode import Options
from cofee.project.project import Project


def add_task(
    directory: Path,
    name: str,
    given: Sequence[str],
    module: str,
    every: str | None,
    options: Options,
) -> None:
    """Run `cofee new-task`."""

    def step(found: Project) -> Step:
        facts = found.template.facts
        return tasks.add_task(found.modules, name, given, module, every, facts)

    run_step(directory, step, options)


def rename_task(directory: Path, old: str, new: str, options: Options) -> None:
    """Run `cofee rename-task`."""

    def step(found: Project) -> Step:
        return tasks.rename_task(found.modules, old, new, found.template.facts)

    run_step(directory, step, options)


def remove_task(directory: Path, name: str, options: Options) -> None:
    """Run `cofee remove-task`."""
    run_step(directory, lambda found: tasks.remove_task(found.modules, name), options)
