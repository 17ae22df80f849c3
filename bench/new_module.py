"""`new-module` with six fields against a Typer app that renders nine small Jinja files."""

from __future__ import annotations

from pathlib import Path

from bench.measure import (
    COFEE,
    FIELDS,
    Contender,
    compare,
    plain_generator,
    reset,
    run,
    template_copy,
    workplace,
)


def main() -> None:
    """Measure."""
    with workplace() as name:
        folder = Path(name)
        template = template_copy(folder)
        shop = folder / "shop"
        new = ("new", str(shop), "--template", str(template), "--defaults", "--trust")
        run((*COFEE, *new), folder)
        command = (*COFEE, "new-module", "products", *FIELDS)
        ours = Contender("cofee new-module, six fields", command, shop, lambda: reset(shop))
        compare(ours, plain_generator(folder), goal=1.5)


if __name__ == "__main__":
    main()
