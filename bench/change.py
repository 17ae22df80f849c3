"""`add-field` and `undo` in a project of 30 modules against the generator that only renders."""

from __future__ import annotations

from pathlib import Path

from bench.measure import (
    COFEE,
    Contender,
    compare,
    plain_generator,
    reset,
    run,
    template_copy,
    workplace,
)
from bench.projects import make_project

MODULES = 30
RUNS = 15  # it is near its goal, and the result of fewer runs depends on the machine's load
ADD = (*COFEE, "add-field", "items_007", "weight:float:null:sort")


def main() -> None:
    """Measure."""
    with workplace() as name:
        folder = Path(name)
        make_project(folder, template_copy(folder), MODULES)
        shop, plain = folder / f"shop{MODULES}", plain_generator(folder)

        def added() -> None:
            reset(shop)
            run(ADD, shop)

        adding = Contender("cofee add-field", ADD, shop, lambda: reset(shop))
        compare(adding, plain, goal=2.0, runs=RUNS)
        undoing = Contender("cofee undo", (*COFEE, "undo"), shop, added)
        compare(undoing, plain, goal=2.0, runs=RUNS)


if __name__ == "__main__":
    main()
