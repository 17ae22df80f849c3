"""`cofee new` against `copier copy` of the same template, the hooks included in both."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.measure import COFEE, COPIER, Contender, compare, template_copy, workplace


def main() -> None:
    """Measure."""
    with workplace() as name:
        folder = Path(name)
        template = str(template_copy(folder))

        def fresh() -> None:
            shutil.rmtree(folder / "shop", ignore_errors=True)

        new = ("new", "shop", "--template", template, "--defaults", "--trust", "--quiet")
        copy = ("copy", "--trust", "--defaults", "--quiet", template, "shop")
        compare(
            Contender("cofee new", (*COFEE, *new), folder, fresh),
            Contender("copier copy", (*COPIER, *copy), folder, fresh),
            goal=1.0,
            runs=5,
        )


if __name__ == "__main__":
    main()
