"""`new-module` with six fields against a Typer app that renders nine small Jinja files."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measure import COFEE, Contender, compare, run, template_copy, workplace

FIELDS = (
    *("name:str:len=120:filter:sort", "sku:str:unique", "price:decimal:10.2:min=0"),
    *("status:enum:draft,active:filter:default=draft", "stock:int:default=0", "note:text:null"),
)
PLAIN = """\
from pathlib import Path
import typer
from jinja2 import Environment
app = typer.Typer()
TEXT = "class {{ name }}:\\n{% for field in fields %}    {{ field }} = None\\n{% endfor %}" * 5
@app.command()
def make(name: str, fields: list[str]) -> None:
    environment = Environment()
    for number in range(9):
        text = environment.from_string(TEXT).render(name=name, fields=fields)
        Path(f"file{number}.py").write_text(text)
app()
"""


def main() -> None:
    """Measure."""
    with workplace() as name:
        folder = Path(name)
        template = template_copy(folder)
        shop = folder / "shop"
        new = ("new", str(shop), "--template", str(template), "--defaults", "--trust")
        run((*COFEE, *new), folder)
        (folder / "plain.py").write_text(PLAIN)
        compare(
            Contender(
                "cofee new-module, six fields",
                (*COFEE, "new-module", "products", *FIELDS),
                shop,
                prepare=lambda: reset(shop),
            ),
            Contender(
                "Typer and Jinja, nine files",
                (sys.executable, "plain.py", "Product", *FIELDS),
                folder,
            ),
            goal=2.0,
        )


def reset(shop: Path) -> None:
    """Bring the project back to its first commit."""
    run(("git", "reset", "--quiet", "--hard"), shop)
    run(("git", "clean", "--quiet", "--force", "-d"), shop)


if __name__ == "__main__":
    main()
