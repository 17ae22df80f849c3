"""`cofee update` of a project with 1, 10 and 100 modules against `copier update` of the same.

Prints the ratio for each size, and how our own time grows with the number of modules.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from bench.measure import (
    COFEE,
    COPIER,
    Contender,
    compare,
    release,
    reset,
    template_copy,
    workplace,
)
from bench.projects import make_project

SIZES = (1, 10, 100)


def main() -> None:
    """Measure."""
    with workplace() as name:
        folder = Path(name)
        template = template_copy(folder)
        for size in SIZES:
            make_project(folder, template, size)
        improve(template)
        growth = [measure(folder, size) for size in SIZES]
        per_module = (growth[-1] - growth[0]) / (SIZES[-1] - SIZES[0])
        expected = growth[0] + per_module * (SIZES[1] - SIZES[0])
        print(
            f"growth of cofee update: {growth[-1] / growth[0]:.1f}x the time for "
            f"{SIZES[-1] // SIZES[0]}x the modules; {SIZES[1]} modules take "
            f"{growth[1] / expected:.2f}x what a straight line would"
        )


def improve(template: Path) -> None:
    """Release a version that changes a file of every module, and one of the project."""
    for path in template.rglob("service.py.jinja"):
        path.write_text(path.read_text() + "\n# Reviewed.\n")
    readme = template / "template" / "README.md.jinja"
    readme.write_text(readme.read_text() + "\nMore to come.\n")
    release(template, "v1.1.0")


def measure(folder: Path, size: int) -> float:
    """Compare both updates of one project; return our median in seconds."""
    shop = folder / f"shop{size}"

    update = ("update", "--defaults", "--trust", "--quiet")
    ours = Contender(
        f"cofee update, {size} modules", (*COFEE, "update", "--quiet"), shop, lambda: reset(shop)
    )
    copiers = Contender("copier update", (*COPIER, *update), shop, lambda: reset(shop))
    compare(ours, copiers, goal=0.1 if size == SIZES[-1] else 1.0, runs=3)
    return statistics.median(ours.seconds() for _ in range(5))


if __name__ == "__main__":
    main()
