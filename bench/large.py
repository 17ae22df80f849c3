"""Large services: how start-up and `/openapi.json` grow with the number of modules."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.generated import environment, make_service, snapshot_template, variables

FIELDS = [
    {"name": "name", "type": "str", "filter": True, "sort": True},
    {"name": "price", "type": "decimal", "precision": 10, "scale": 2, "min": "0"},
    {"name": "status", "type": "enum", "values": ["draft", "active"], "filter": True},
    {"name": "note", "type": "text", "nullable": True},
]
# Runs in the service. Prints the seconds of CPU that the application and its document take, and the
# size of the document.
MEASURED = """
import json, time
start = time.process_time()
from app.main import app
started = time.process_time()
document = app.openapi()
documented = time.process_time()
seconds = [started - start, documented - started]
print(json.dumps([*seconds, len(json.dumps(document)), len(document["paths"])]))
"""


def main() -> None:
    """Measure a service of each size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, nargs="+", default=[1, 10, 100, 400])
    sizes = parser.parse_args().modules
    print("modules  paths  start-up s  document s  document kB")
    with tempfile.TemporaryDirectory(prefix="cofee-bench-") as name:
        template = snapshot_template(Path(name) / "template")
        for size in sizes:
            start, document, length, paths = _measured(
                template, Path(name) / f"service{size}", size
            )
            print(f"{size:7}  {paths:5}  {start:10.2f}  {document:10.2f}  {length // 1000:11}")


def _measured(template: Path, target: Path, size: int) -> tuple[float, float, int, int]:
    """Return what a service with this number of modules takes at its second start."""
    modules = [
        {"name": f"items{number}", "entity": f"Item{number}", "fields": FIELDS}
        for number in range(size)
    ]
    answers: dict[str, Any] = {"auth": "none", "database": "sqlite", "modules": modules}
    make_service(template, target, answers)
    tools = environment(template)
    command = [str(tools / "bin/python"), "-m", "dev", "--temporary", "python", "-c", MEASURED]
    for _ in range(2):  # the first start compiles the code
        done = subprocess.run(
            command, cwd=target, env=variables(tools), capture_output=True, text=True, check=True
        )
    start, document, length, paths = json.loads(done.stdout.splitlines()[-1])
    return start, document, length, paths


if __name__ == "__main__":
    main()
