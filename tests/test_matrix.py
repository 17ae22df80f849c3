"""Every kind of hand edit under every command: no line is ever lost.

Exit 0 means that each hand-edited line is in the tree, every file parses, every import of the
project's own finds its name, and the generated tests are green. They run once for each edit, each
time after another command; `pytest tests/test_matrix.py --every-cell` runs them after all. Exit 2
means that both sides stand between markers. The summary of the
run prints the share that merged clean, with git's merge alone and with ours, and the run fails
where ours is below 95 %.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cofee import merge as merging
from cofee.files import File
from cofee.soundness import _faults
from tests.conftest import Run, snapshot
from tests.generated import environment, make_service, run, snapshot_template
from tests.hand_edits import EDITS
from tests.tiny import release

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
RENAMED = {"stock": "quantity", "products": "articles", "Product": "Article", "product": "article"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it stands, and a version after it that improves every layer."""
    root = snapshot_template(tmp_path_factory.mktemp("matrix") / "template")
    blueprint = (
        "template/app/modules/{% yield module from modules %}{{ module.name }}{% endyield %}"
    )
    changes: dict[str, str | None] = {}
    for name, old, new in (
        ("service.py.jinja", '"""Return one row."""', '"""Return one row, or answer 404."""'),
        (
            "router.py.jinja",
            "    service = ",
            "    # Services live for one request.\n    service = ",
        ),
        ("repository.py.jinja", "or nothing.", "or None."),
        ("models.py.jinja", '    """A row', '    """One row'),
    ):
        text = (root / blueprint / name).read_text()
        assert old in text, f"{name} holds no {old}"
        changes[f"{blueprint}/{name}"] = text.replace(old, new)
    release(root, "v0.2.0", changes)
    return root


@pytest.fixture(scope="module")
def base(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project at the first version, before anybody edits it."""
    root = tmp_path_factory.mktemp("base") / "shop"
    orders = {"name": "orders", "entity": "Order", "fields": []}
    make_service(template, root, {"modules": [*MODULES, orders]}, ref="v0.1.0")
    return root


def lost_lines(lines: list[str], root: Path, command: str) -> list[str]:
    """Return the hand-edited lines that stand nowhere; names that were renamed may have changed."""
    texts = {path: content.decode() for path, content in snapshot(root).items()}
    present = {line.strip() for text in texts.values() for line in text.splitlines()}
    return [line for line in lines if not {line.strip(), renamed(line, command)} & present]


def renamed(line: str, command: str) -> str:
    """Return a line as a rename may have rewritten it."""
    if not command.startswith("rename"):
        return line.strip()
    words = re.compile("|".join(sorted(RENAMED, key=len, reverse=True)))
    return words.sub(lambda match: RENAMED[match[0]], line).strip()


def unsound(root: Path) -> list[str]:
    """Return what does not parse or import."""

    def read(path: str) -> str | None:
        place = root / path
        return place.read_text() if place.is_file() else None

    files = [path.relative_to(root).as_posix() for path in root.rglob("*.py")]
    return [f"{path}: {fault}" for path in files for fault in _faults(path, read)]


def sound_after(edit: str, base: Path, root: Path) -> bool:
    """Tell whether an edit by itself leaves what parses and imports."""
    shutil.copytree(base, root)
    EDITS[edit](root)
    return not unsound(root)


def is_green(root: Path, template: Path) -> bool:
    """Tell whether the tests of the project's modules pass."""
    command = ("pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests/modules")
    try:
        run(root, environment(template), *command, TEST_DATABASE_URL="sqlite+aiosqlite://")
    except AssertionError:
        return False
    return True


def has_turn(edit: str, command: str) -> bool:
    """Tell whether the generated tests run for this pair: for each edit after one command."""
    return (list(EDITS).index(edit) - list(COMMANDS).index(command)) % len(COMMANDS) == 0


@pytest.mark.parametrize("edit", EDITS)
def test_no_line_is_lost(
    edit: str,
    template: Path,
    base: Path,
    tmp_path: Path,
    cofee: Run,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """Whatever the command, the edit stands, or stands between markers."""
    genuine, helped = merging._merge_exactly, [False]

    def exactly(path: str, sides: dict[int, File]) -> File | None:
        resolved = genuine(path, sides)
        helped[0] |= resolved is not None
        return resolved

    monkeypatch.setattr(merging, "_merge_exactly", exactly)
    was_sound = sound_after(edit, base, tmp_path / "edited")
    for command, words in COMMANDS.items():
        root = tmp_path / command / "shop"
        shutil.copytree(base, root)
        if command == "new-module":
            cofee("remove-module", "orders", "--yes", "-C", root)
        lines, before = EDITS[edit](root), snapshot(root)
        helped[0] = False

        ran = cofee(*words, "-C", root)

        record_property("matrix", [f"{command} after {edit}", ran.code, helped[0]])
        if ran.code == 1:
            assert snapshot(root) == before
            continue
        assert lost_lines(lines, root, command) == [], f"{command}: {ran.err}"
        if ran.code == 2:
            assert any(b"<<<<<<< yours" in content for content in snapshot(root).values()) or (
                "the template removed it" in ran.err
            )
        elif was_sound:
            assert unsound(root) == [], command
            if request.config.getoption("every_cell") or has_turn(edit, command):
                # An edit may break the tests by itself, as a column without a migration does.
                alone = tmp_path / "edited"
                assert is_green(root, template) or not is_green(alone, template), command


def test_edits_leave_valid_python(base: Path, tmp_path: Path) -> None:
    """The edits themselves are what a developer would commit."""
    for name, edit in EDITS.items():
        root = tmp_path / name.replace(" ", "-")
        shutil.copytree(base, root)
        edit(root)
        for path in root.rglob("*.py"):
            ast.parse(path.read_bytes(), filename=f"{name}: {path.name}")
