"""Rules of tasks and tools: their names, their arguments and their schedules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from cofee.errors import CofeeError, Problems, listing, quote
from cofee.spec import parse
from cofee.spec.facts import Facts
from cofee.spec.record import Field, Module, Task

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST_NAME = 50
EVERY = re.compile(r"[1-9][0-9]{0,4}[mhd]")
# The fields of a cron expression, with their least and greatest values; and one part of a field.
CRON = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
CRON_PART = re.compile(r"(\*|(?P<low>\d{1,2})(-(?P<high>\d{1,2}))?)(/(?P<step>[1-9]\d?))?")
# What the arguments of a task can be, of all that a field can.
MODIFIERS = ("null", "default", "min", "max", "len", "pattern", "labels")


@dataclass(frozen=True)
class Kind:
    """Tasks, or tools for language models: both are named functions of a module with arguments."""

    key: str
    noun: str
    example: str
    shared: str

    def of(self, module: Module) -> tuple[Task, ...]:
        """Return those of a module."""
        found: tuple[Task, ...] = getattr(module, self.key)
        return found

    def given_to(self, module: Module, works: Iterable[Task]) -> Module:
        """Return the module with these."""
        changes: dict[str, Any] = {self.key: tuple(works)}
        return replace(module, **changes)


TASKS = Kind("tasks", "task", "`transcribe` or `render_preview`", "share a queue")
TOOLS = Kind("own_tools", "tool", "`find_overdue`", "are in one list")


def check_tasks(modules: Sequence[Module], facts: Facts) -> None:
    """Check the tasks and the tools of all modules.

    Raises:
        CofeeError: each whose name or schedule is not possible.
    """
    seen: dict[str, tuple[Kind, str]] = {}
    problems = Problems()
    for module, kind in product(modules, (TASKS, TOOLS)):
        for task in kind.of(module):
            with problems.collected(f"`{module.name}`"):
                _check_name(task.name, kind, module, facts)
                for name in (task.name, *task.was):
                    if name in seen:
                        other, place = seen[name]
                        raise CofeeError(
                            f"the {other.noun} `{name}` is in `{place}` already, or was",
                            hint=f"give it another name: {kind.noun}s of all modules {kind.shared}",
                        )
                _check_apart(task, module, facts)
                _check_every(task, kind)
            seen |= dict.fromkeys((task.name, *task.was), (kind, module.name))
    problems.require_none()


def read_task(name: str, given: Iterable[str], every: str | None, facts: Facts) -> Task:
    """Return the task of a command line.

    Raises:
        CofeeError: each argument that is not possible.
    """
    from cofee.spec import gate

    fields = gate.check_fields(given, facts, (), name)
    problems = Problems()
    for field in fields:
        with problems.collected():
            _check_argument(field, facts)
    problems.require_none()
    return Task(name, fields, every)


def find_task(modules: Sequence[Module], name: str, kind: Kind) -> tuple[Module, Task]:
    """Return a task or a tool, and its module.

    Raises:
        CofeeError: there is none of this name.
    """
    known = {task.name: (module, task) for module in modules for task in kind.of(module)}
    if name in known:
        return known[name]
    nouns = f"{kind.noun}s"
    raise CofeeError(
        f"there is no {kind.noun} {quote(name)}",
        hint=f"{nouns} are {listing(known)}" if known else f"`cofee new-{kind.noun}` adds one",
    )


def _check_name(name: str, kind: Kind, module: Module, facts: Facts) -> None:
    hint = f"name what it does, such as {kind.example}"
    if not SNAKE_CASE.fullmatch(name) or len(name) > LONGEST_NAME:
        raise CofeeError(
            f"{quote(name)} is not a {kind.noun} name; a-z, 0-9 and single underscores are "
            f"allowed, at most {LONGEST_NAME} characters",
            hint=hint,
        )
    reserved = ("tasks", "tools") if kind is TOOLS else ("tasks",)
    if reason := next(filter(None, (facts.conflict(key, name) for key in reserved)), None):
        raise CofeeError(f"`{name}` cannot name a {kind.noun}: it is {reason}", hint=hint)
    if name in (module.names.singular, module.name, *(field.name for field in module.fields)):
        raise CofeeError(
            f"`{name}` cannot name a {kind.noun} of `{module.name}`, where it is a name already",
            hint=hint,
        )


def _check_apart(task: Task, module: Module, facts: Facts) -> None:
    """Reject an argument with the name of an id that every task of the module gets."""
    owners = [owner.column for owner in facts.owners.values()]
    taken = {"row_id", f"{module.names.singular}_id", *owners}
    for field in task.fields:
        if field.name in taken:
            raise CofeeError(
                f"`{task.name}`: `{field.name}` is what the task gets anyway",
                hint="remove it, or give it another name",
            )


def _check_every(task: Task, kind: Kind) -> None:
    if kind is TOOLS and (task.every or task.was):
        raise CofeeError(
            f"`{task.name}`: a tool has no schedule and no earlier names",
            hint="remove `every` and `was`",
        )
    if task.every is None:
        return
    if not EVERY.fullmatch(task.every) and not _is_cron(task.every):
        raise CofeeError(
            f"`{task.name}`: {quote(task.every)} is not a schedule",
            hint="write minutes, hours or days, `15m`, `2h` or `1d`, or a cron expression of "
            "numbers in UTC, `30 3 * * 1-5`",
        )
    if task.fields:
        raise CofeeError(
            f"`{task.name}`: a scheduled task has no arguments",
            hint="remove them, or remove `--every`",
        )


def _is_cron(text: str) -> bool:
    """Return whether a text is a cron expression, with numbers in their ranges."""
    fields = text.split(" ")
    if len(fields) != len(CRON):
        return False
    return all(
        _is_cron_part(part, *limits)
        for field, limits in zip(fields, CRON.values(), strict=True)
        for part in field.split(",")
    )


def _is_cron_part(text: str, least: int, greatest: int) -> bool:
    part = CRON_PART.fullmatch(text)
    if part is None:
        return False
    low = int(part["low"] or least)
    return least <= low <= int(part["high"] or low) <= greatest


def _check_argument(field: Field, facts: Facts) -> None:
    given = [name for name in parse.modifiers(field) if name not in MODIFIERS]
    if field.to is not None:
        raise CofeeError(
            f"`{field.name}`: the argument of a task cannot refer to a row",
            hint="use a `uuid`, and let the task look for the row",
        )
    if given:
        raise CofeeError(
            f"`{field.name}`: `{given[0]}` says how a column is stored, and arguments have none",
            hint=f"remove it; allowed are {listing(MODIFIERS)}",
        )
