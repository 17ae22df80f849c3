"""Times two commands turn by turn, so that a busy machine slows both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
COFEE = (sys.executable, "-m", "cofee")
COPIER = (sys.executable, "-m", "copier")


# A Typer app that renders nine small Jinja files: the least that any generator does.
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
FIELDS = (
    *("name:str:len=120:filter:sort", "sku:str:unique", "price:decimal:10.2:min=0"),
    *("status:enum:draft,active:filter:default=draft", "stock:int:default=0", "note:text:null"),
)


@dataclass(frozen=True)
class Contender:
    """A command, and what puts its folder into the same state before each run."""

    name: str
    command: Sequence[str]
    folder: Path
    prepare: Callable[[], None] = lambda: None

    def seconds(self) -> float:
        """Run it once; a failure ends the measurement."""
        self.prepare()
        start = time.perf_counter()
        run(self.command, self.folder)
        return time.perf_counter() - start


def compare(ours: Contender, other: Contender, *, goal: float, runs: int = 7) -> float:
    """Print and return how many times as long ours takes as the other, by the medians."""
    for contender in (ours, other):
        contender.seconds()  # the first run fills the caches
    pairs = [(ours.seconds(), other.seconds()) for _ in range(runs)]
    mine: float = statistics.median(pair[0] for pair in pairs)
    its: float = statistics.median(pair[1] for pair in pairs)
    ratio = mine / its
    verdict = "reached" if ratio <= goal else "MISSED"
    print(
        f"{ours.name} / {other.name}: {ratio:.2f}x "
        f"({mine:.3f} s / {its:.3f} s, median of {runs}; goal {goal}x {verdict})"
    )
    return ratio


def run(command: Sequence[str], folder: Path) -> None:
    """Run a command quietly; raise with its words when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}{done.stderr}")


def workplace() -> AbstractContextManager[str]:
    """Return a folder for one measurement, with separate caches."""
    folder = tempfile.TemporaryDirectory(prefix="cofee-bench-")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it would measure the compiler
    os.environ["XDG_CACHE_HOME"] = f"{folder.name}/cache"
    os.environ["COPIER_CACHE_DIR"] = f"{folder.name}/copier-cache"
    return folder


def template_copy(folder: Path) -> Path:
    """Return a repository with this template's committed files, released as v1.0.0."""
    target = folder / "template"
    run(("git", "clone", "--quiet", str(REPOSITORY), str(target)), folder)
    release(target, "v1.0.0")
    return target


def release(template: Path, tag: str) -> None:
    """Commit all changes and tag the commit."""
    git = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com")
    run((*git, "add", "--all"), template)
    run((*git, "commit", "--quiet", "--allow-empty", "--message", tag), template)
    run((*git, "tag", tag), template)


def plain_generator(folder: Path) -> Contender:
    """Return the generator that only renders."""
    (folder / "plain.py").write_text(PLAIN)
    command = (sys.executable, "plain.py", "Product", *FIELDS)
    return Contender("Typer and Jinja, nine files", command, folder)


def reset(shop: Path) -> None:
    """Bring a project back to its first commit."""
    run(("git", "reset", "--quiet", "--hard"), shop)
    run(("git", "clean", "--quiet", "--force", "-d"), shop)
