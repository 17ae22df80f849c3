"""Large tables: how the time for a page of a list grows with the number of rows.

Each page is read as its route does, in every order and direction, and the time is that of the
database alone. The tables of both databases have the same rows. A page is read from the small table
and then from the large one, because what else a machine does changes the time more than the rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.generated import environment, make_service, snapshot_template, variables

PAGES = Path(__file__).with_name("pages.py")
FIELDS = [
    {"name": "name", "type": "str", "sort": True},
    {
        "name": "price",
        "type": "decimal",
        "precision": 10,
        "scale": 2,
        "nullable": True,
        "sort": True,
    },
    {"name": "status", "type": "enum", "values": ["a", "b", "c", "d"], "filter": True},
    {"name": "group", "type": "ref", "to": "groups"},
]
MODULES = [
    {"name": "groups", "entity": "Group", "fields": [{"name": "name", "type": "str"}]},
    {"name": "things", "entity": "Thing", "fields": FIELDS, "search": ["name"]},
    {"name": "notes", "entity": "Note", "fields": FIELDS, "owned_by": "user"},
]


# Redis is not used.
SETTINGS = {
    "PYTHONPATH": ".",
    "DATABASE_STATEMENT_TIMEOUT_MS": "0",
    "REDIS_URL": "redis://localhost",
}


@dataclass(frozen=True)
class Measured:
    """A page of a list in tables of one size: its plan, and the milliseconds that it takes."""

    size: int
    table: str
    rows: str
    sort: str
    start: str
    plan: list[str]
    milliseconds: float | None

    @property
    def page(self) -> tuple[str, str, str, str]:
        """Which page it is, for every size of the table."""
        return self.table, self.rows, self.sort, self.start


def make_lists(template: Path, target: Path, database: str) -> Path:
    """Make a service whose lists have every kind of order."""
    answers = {"auth": "jwt", "tasks": "dramatiq", "database": database}
    data: dict[str, Any] = {**answers, "modules": MODULES}
    return make_service(template, target, data)


def measure(service: Path, tools: Path, runs: int, *sizes: int, **more: str) -> Iterator[Measured]:
    """Yield every page of the service for each size in turn; without runs, only its plan."""
    command = [str(tools / "bin/python"), "-m", "dev", "--temporary", "python", str(PAGES)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, str(runs), str(size)],
                    cwd=service,
                    env={**variables(tools), **SETTINGS, **more},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for size in sizes
        ]
        for process in cycle(processes):
            if not (line := ask(process)):
                break
            yield Measured(*json.loads(line))
    assert not any(process.returncode for process in processes)


def ask(process: subprocess.Popen[str]) -> str:
    """Return what the next page takes, or nothing after the last one."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline()


def main() -> None:
    """Print the ratio of each page on both databases, and the greatest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=[10_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--databases", nargs="+", default=["postgresql", "sqlite"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cofee-bench-") as name:
        template = snapshot_template(Path(name) / "template")
        tools = environment(template)
        for database in given.databases:
            service = make_lists(template, Path(name) / database, database)
            print(f"{database}: ms at {given.rows[0]} rows, ms at {given.rows[1]} rows, ratio")
            print_ratios([*measure(service, tools, given.runs, *given.rows)])


def print_ratios(found: list[Measured]) -> None:
    """Print a line for each page, and the greatest ratio of each kind of list."""
    greatest: dict[str, float] = {}
    for few, one in zip(found[::2], found[1::2], strict=True):
        before, after = few.milliseconds or 0, one.milliseconds or 0
        kind = f"{one.table} {one.rows}"
        greatest[kind] = max(greatest.get(kind, 0), after / before)
        times = f"{before:8.3f} {after:8.3f} {after / before:6.2f}"
        print(f"  {kind:28} {one.sort:12} {one.start:6} {times}")
    for kind, ratio in greatest.items():
        print(f"  at most {ratio:.2f}: {kind}")


if __name__ == "__main__":
    main()
