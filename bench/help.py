"""Start-up: `cofee --help` against the help of a Typer app with one empty command."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measure import COFEE, Contender, compare, workplace

EMPTY = """\
import typer
app = typer.Typer()
@app.command()
def one() -> None:
    ...
@app.command()
def two() -> None:
    ...
app()
"""


def main() -> None:
    """Measure."""
    with workplace() as name:
        folder = Path(name)
        (folder / "empty.py").write_text(EMPTY)
        compare(
            Contender("cofee --help", (*COFEE, "--help"), folder),
            Contender("empty Typer app --help", (sys.executable, "empty.py", "--help"), folder),
            goal=1.3,
            runs=15,
        )


if __name__ == "__main__":
    main()
