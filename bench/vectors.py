"""Vectors: how much of the exact answer the index finds, and the time that it takes.

A service with the rule `embed` has rows with the vectors of texts about many topics, which belong
to two owners: one with most of the rows, and one with few of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.generated import environment, make_service, snapshot_template, variables

NEAREST = Path(__file__).with_name("nearest.py")
DIMENSION = 384
LEAST = 0.95
DOCUMENTS = {
    "name": "documents",
    "entity": "Document",
    "owned_by": "user",
    "embed": ["text"],
    "fields": [
        {"name": "text", "type": "text"},
        {"name": "embedding", "type": "vector", "dimension": DIMENSION, "nullable": True},
    ],
}


@dataclass(frozen=True)
class Measured:
    """The answers to many questions about the rows of an owner."""

    rows: int
    recall: float
    milliseconds: float
    exact_milliseconds: float


def measure(service: Path, tools: Path, rows: int) -> Iterator[Measured]:
    """Yield what is measured for each owner."""
    command = [str(tools / "bin/python"), "-m", "dev", "--temporary", "python", str(NEAREST)]
    done = subprocess.run(
        [*command, str(rows)],
        cwd=service,
        env={**variables(tools), "PYTHONPATH": ".", "DATABASE_STATEMENT_TIMEOUT_MS": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        yield Measured(*json.loads(line))


def main() -> None:
    """Measure, and fail if the index finds too little."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        template = snapshot_template(Path(folder, "template"))
        answers = {"vectors": "pgvector", "modules": [DOCUMENTS]}
        service = make_service(template, Path(folder, "service"), answers)
        print("| Rows of the owner | Recall@10 | ms | ms, exact |\n|---|---|---|---|")
        for one in measure(service, environment(template), rows):
            found = f"{one.recall:.3f} | {one.milliseconds:.1f} | {one.exact_milliseconds:.1f}"
            print(f"| {one.rows} | {found} |", flush=True)
            assert one.recall >= LEAST


if __name__ == "__main__":
    main()
