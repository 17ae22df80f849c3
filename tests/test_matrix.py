"""Every kind of hand edit under every command: no line is ever lost.

Exit 0 means that each hand-edited line is in the tree, every file parses, every import of the
project's own finds its name, the module's generated tests are green where they are with the edit
alone, and `undo` brings every byte back. Exit 2 means that both sides are in the file between
markers; exit 1 that nothing was written, for a reason that is known here.

Each edit meets one command in rotation; `pytest tests/test_matrix.py --every-cell` runs every edit
with every command, and the generated tests after each. Without it they run at the end of
`test_living_module.py`, after every command on a module with many of these edits. The summary of
the run prints the share that merged clean, with git's merge alone and with ours, and the run fails
where ours is below 95 %.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cofee.changes.step import Renaming
from cofee.engine import merge as merging
from cofee.engine.render import Renderer
from cofee.files import File
from cofee.source import renames
from cofee.source.breakage import faults as faults_of
from tests.conftest import Ran, Run, Tree, snapshot
from tests.generated import make_service, snapshot_template
from tests.hand_edits import EDITS
from tests.judging import Judge
from tests.strategies import FACTS
from tests.tiny import release

pytestmark = pytest.mark.service

FIELDS = [
    {"name": "sku", "type": "str", "max_length": 20, "unique": True},
    {"name": "price", "type": "decimal", "precision": 10, "scale": 2, "min": "0", "sort": True},
    {"name": "stock", "type": "int", "default": 0},
    {"name": "note", "type": "text", "nullable": True},
    {"name": "customer", "type": "ref", "to": "customers", "filter": True},
]
MODULES = [
    {"name": "customers", "entity": "Customer", "fields": [{"name": "name", "type": "str"}]},
    {"name": "products", "entity": "Product", "fields": FIELDS},
]
COMMANDS = {
    "new-module": ["new-module", "orders", "product:ref:products", "total:int"],
    "add-field": [
        "add-field",
        "products",
        "weight:float:null:sort",
        "colour:str:default=red:filter",
    ],
    "change-field": ["change-field", "products", "note:str:null:len=500:sort"],
    "change-module": [
        *("change-module", "products", "--unique-together", "price,customer"),
        *("--index", "price,stock", "--check", "stock >= 0", "--search", "sku", "--version-column"),
    ],
    "rename-field": ["rename-field", "products", "stock", "quantity"],
    "remove-field": ["remove-field", "products", "note"],
    "rename-module": ["rename-module", "products", "articles"],
    "remove-module": ["remove-module", "orders"],
    "update": ["update"],
}
# Where the command refuses: the new module would import the other one from where it was, and only
# a person knows where it is now.
REFUSED = ("new-module after moved file", "new-module after renamed folder")
REASON = re.compile(
    r"(no module `app\.modules\.products|`app\.modules\.products` does not define `service`)"
    r".*restore what it imports",
    re.DOTALL,
)
LATER = b"# added later\n"
RENAMED = {
    "rename-field": {"stock": "quantity"},
    "rename-module": {"products": "articles", "Product": "Article", "product": "article"},
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree, and a version after it that improves every layer."""
    root = snapshot_template(tmp_path_factory.mktemp("matrix") / "template")
    blueprint = "template/app/modules/{% yield module from views %}{{ module.name }}{% endyield %}"
    changes: dict[str, str | None] = {}
    for name, old, new in (
        ("service.py.jinja", 'business logic."""', 'business rules."""'),
        (
            "router.py.jinja",
            "    return {{ tagged }}await",
            "    # Services live for one request.\n    return {{ tagged }}await",
        ),
        ("repository.py.jinja", "rows are excluded", "rows are left out"),
        ("models.py.jinja", '"""The `', '"""Model of the `'),
    ):
        text = (root / blueprint / name).read_text()
        assert old in text, f"{name} holds no {old}"
        changes[f"{blueprint}/{name}"] = text.replace(old, new)
    release(root, "v0.2.0", changes)
    return root


@dataclass(frozen=True)
class Cell:
    """One edit and one command after it."""

    edit: str
    command: str
    root: Path
    lines: list[str]
    was_sound: bool
    before: Tree
    ran: Ran

    @property
    def name(self) -> str:
        """How the cell is called in the summary."""
        return f"{self.command} after {self.edit}"


@pytest.fixture(scope="module")
def base(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project at the first version without edits; users have a separate test."""
    root = tmp_path_factory.mktemp("base") / "shop"
    orders = {"name": "orders", "entity": "Order", "fields": []}
    answers = {"auth": "none", "modules": [*MODULES, orders]}
    return make_service(template, root, answers, ref="v0.1.0")


@pytest.fixture(scope="module")
def memory() -> dict[tuple[object, ...], Any]:
    """What pure functions have returned."""
    return {}


@pytest.fixture(autouse=True)
def _remembered(memory: dict[tuple[object, ...], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute once what is the same for every edit: what a command renders, and most renamings."""
    rewrite = renames.rewrite

    def remember(name: str, copied: Callable[[Any], Any]) -> None:
        genuine = getattr(Renderer, name)

        def remembered(self: Renderer, *given: Any, **more: Any) -> Any:
            key = (name, self.template.root, *map(repr, given), repr(more))
            if key not in memory:
                memory[key] = genuine(self, *given, **more)
            return copied(memory[key])

        monkeypatch.setattr(Renderer, name, remembered)

    def rewritten(text: str, renaming: Renaming, **more: Any) -> Any:
        key = (text, repr(renaming), *more.values())
        if key not in memory:
            memory[key] = rewrite(text, renaming, **more)
        return memory[key]

    remember("settle", deepcopy)
    remember("render", copy)  # files never change
    remember("render_changed", lambda trees: tuple(map(copy, trees)))
    monkeypatch.setattr(renames, "rewrite", rewritten)


def edited(edit: str, base: Path, root: Path) -> list[str]:
    """Copy the project and edit it; return the lines that must stay."""
    shutil.copytree(base, root)
    return EDITS[edit](root)


def run_cell(edit: str, command: str, base: Path, folder: Path, cofee: Run) -> Cell:
    """Edit a copy of the project, and run the command there."""
    root = folder / command / "shop"
    shutil.copytree(base, root)
    if command == "new-module":
        assert cofee("remove-module", "orders", "--yes", "-C", root).code == 0
    lines = EDITS[edit](root) if edit else []
    was_sound, before = not unsound(root), snapshot(root)
    ran = cofee(*COMMANDS[command], "-C", root)
    return Cell(edit, command, root, lines, was_sound, before, ran)


def faults(cell: Cell) -> Iterator[str]:
    """Yield what is wrong with a cell, as far as reading can tell."""
    if cell.ran.code == 1:
        if cell.name not in REFUSED or not REASON.search(cell.ran.err):
            yield f"it is refused: {cell.ran.err}"
        if snapshot(cell.root) != cell.before:
            yield "it is refused, and something was written"
        return
    if lost := lost_lines(cell.lines, cell.root, cell.command):
        yield f"lost: {lost}"
    if cell.ran.code == 0 and cell.was_sound:
        yield from unsound(cell.root)
    elif cell.ran.code == 2 and not has_markers(cell):
        yield "it ends in a conflict that is not shown"


def has_markers(cell: Cell) -> bool:
    """Return whether a conflict is shown, in a file or in the output."""
    texts = snapshot(cell.root).values()
    return any(b"<<<<<<< yours" in text for text in texts) or (
        "the template removed it" in cell.ran.err
    )


def lost_lines(lines: list[str], root: Path, command: str) -> list[str]:
    """Return the hand-edited lines that are lost; renamed names may have changed in them."""
    texts = {path: content.decode() for path, content in snapshot(root).items()}
    present = {line.strip() for text in texts.values() for line in text.splitlines()}
    return [line for line in lines if not {line.strip(), renamed(line, command)} & present]


def renamed(line: str, command: str) -> str:
    """Return a line as a rename may have rewritten it."""
    for old, new in RENAMED.get(command, {}).items():
        line = line.replace(old, new)
    return line.strip()


def unsound(root: Path) -> list[str]:
    """Return what does not parse or import."""

    @cache
    def read(path: str) -> str | None:
        place = root / path
        return place.read_text() if place.is_file() else None

    files = [path.relative_to(root).as_posix() for path in root.rglob("*.py")]
    return [
        f"{path}: {fault.reason}"
        for path in files
        for fault in faults_of(path, read, FACTS.packages)
    ]


def not_undone(cell: Cell, cofee: Run, kept: Mapping[str, bytes]) -> Iterator[str]:
    """Undo the command; yield each file that differs from before, except what is kept."""
    ran = cofee("undo", "-C", cell.root)
    if ran.code:
        yield f"undo ends with {ran.code}: {ran.err}"
    expected, found = {**cell.before, **kept}, snapshot(cell.root)
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) != found.get(path):
            yield f"undo leaves another {path}"


def edit_later(cell: Cell) -> dict[str, bytes]:
    """Edit a file that the command has changed; return what it should be after an undo."""
    after = snapshot(cell.root)
    path = next(
        path
        for path, content in cell.before.items()
        if path.endswith(".py") and after.get(path, content) != content
    )
    (cell.root / path).write_bytes(LATER + after[path])
    return {path: LATER + cell.before[path]}


def has_turn(edit: str, command: str) -> bool:
    """Return whether it is the turn of this pair: each edit meets one command in each turn."""
    return (list(EDITS).index(edit) - list(COMMANDS).index(command)) % len(COMMANDS) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_works_where_nothing_was_edited(
    command: str, base: Path, tmp_path: Path, cofee: Run
) -> None:
    """Otherwise a refusal of all would look like a refusal of each edit."""
    cell = run_cell("", command, base, tmp_path, cofee)

    assert cell.ran.code == 0, cell.ran.err
    assert list(faults(cell)) == []
    assert list(not_undone(cell, cofee, {})) == []


@pytest.mark.parametrize("edit", EDITS)
def test_no_line_is_lost(
    edit: str,
    base: Path,
    judge: Judge,
    tmp_path: Path,
    cofee: Run,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """After every command the edit is present, or between markers; undo restores it."""
    helped = count_help(monkeypatch)
    alone = tmp_path / "alone"
    wrong = []
    every = request.config.getoption("every_cell")
    if every:
        edited(edit, base, alone)
    for command in COMMANDS:
        if not (every or has_turn(edit, command)):
            continue
        helped.clear()
        cell = run_cell(edit, command, base, tmp_path, cofee)
        record_property("matrix", [cell.name, cell.ran.code, bool(helped)])
        found = [*faults(cell)]
        if cell.ran.code == 0:
            if cell.was_sound and every:
                found += broken(cell.root, alone, judge)
            kept = edit_later(cell) if has_turn(edit, command) else {}
            found += not_undone(cell, cofee, kept)
        wrong += [f"{cell.name}: {fault}" for fault in found]

    assert not wrong, "\n".join(wrong)


def broken(root: Path, alone: Path, judge: Judge) -> Iterator[str]:
    """Yield what the module's tests print where the edit alone, like a column without a migration,
    does not make them red."""
    complaint = judge.complaint(root, place_of_tests(root))
    if complaint and not judge.complaint(alone, place_of_tests(alone)):
        yield complaint


def place_of_tests(root: Path) -> str:
    """Return the folder of the edited module's tests, for every name of the module.

    If they were deleted, the tests of the other modules show whether the service works.
    """
    folders = [f"tests/modules/{name}" for name in ("products", "articles", "goods")]
    found = [folder for folder in folders if (root / folder / "test_api.py").is_file()]
    return next(iter(found), "tests/modules")


def count_help(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by each file that git alone leaves in conflict."""
    genuine = merging._merge_exactly
    helped: list[str] = []

    def exactly(path: str, sides: dict[int, File], *, renaming: dict[str, str]) -> File | None:
        resolved = genuine(path, sides, renaming=renaming)
        if resolved is not None:
            helped.append(path)
        return resolved

    monkeypatch.setattr(merging, "_merge_exactly", exactly)
    return helped


def test_edits_leave_valid_python(base: Path, tmp_path: Path) -> None:
    """The edits themselves are what a developer would commit."""
    seen = set[bytes]()
    for name in EDITS:
        root = tmp_path / name.replace(" ", "-")
        edited(name, base, root)
        for path in root.rglob("*.py"):
            if (text := path.read_bytes()) not in seen:
                ast.parse(text, filename=f"{name}: {path.name}")
                seen.add(text)
