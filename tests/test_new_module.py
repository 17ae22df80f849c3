"""`cofee new-module`: a module in an existing project, in every state of that project."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
import yaml

from tests.conftest import Run, snapshot
from tests.tiny import run_git, write

ORDER = ("total:int:min=0", "customer:ref:customers")


def test_writes_files_migration_wiring_and_record(shop: Path, cofee: Run) -> None:
    """One command makes the module, wires it in and records it."""
    ran = cofee("new-module", "orders", *ORDER, "-C", shop)

    assert ran.code == 0
    assert run_git(shop, "status", "--short", "--untracked-files").splitlines() == [
        " M .copier-answers.yml",
        " M app/router.py",
        "?? app/modules/orders/models.py",
        "?? app/modules/orders/schemas.py",
        "?? app/modules/orders/service.py",
        *(line for line in run_git(shop, "status", "--short").splitlines() if "versions" in line),
    ]
    assert "    orders,\n" in (shop / "app/router.py").read_text()
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())
    assert answers["modules"][1] == {
        "name": "orders",
        "entity": "Order",
        "fields": [
            {"name": "total", "type": "int", "min": 0},
            {"name": "customer", "type": "ref", "to": "customers"},
        ],
    }


@pytest.mark.parametrize("name", ["order-items", "OrderItem", "order_items", "order-item"])
def test_every_spelling_means_one_module(name: str, shop: Path, cofee: Run) -> None:
    """The derived names are shown before anything is written."""
    ran = cofee("new-module", name, "--dry-run", "-C", shop)

    shown = "OrderItem · table order_items · /order-items · app/modules/order_items"
    assert ran.err.splitlines()[0] == shown


def test_migration_stands_on_the_one_head(shop: Path, cofee: Run) -> None:
    """The new revision follows the project's own last one, hand-written or not."""
    write(shop, {"migrations/versions/mine.py": 'revision: str = "mine"\ndown_revision = "1"\n'})

    cofee("new-module", "orders", "-C", shop)

    (made,) = (shop / "migrations/versions").glob("*_create_orders.py")
    assert 'down_revision = "mine"' in made.read_text()


def test_several_heads_are_refused(shop: Path, cofee: Run) -> None:
    """With two heads it is not known where the migration belongs."""
    write(shop, {"migrations/versions/mine.py": 'revision = "mine"\ndown_revision = None\n'})
    before = snapshot(shop)

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "`1`, `mine`" in ran.err
    assert "alembic merge heads" in ran.err
    assert snapshot(shop) == before


def test_merged_heads_are_one(shop: Path, cofee: Run) -> None:
    """A merge revision joins two heads."""
    write(
        shop,
        {
            "migrations/versions/mine.py": 'revision = "mine"\ndown_revision = None\n',
            "migrations/versions/both.py": 'revision = "both"\ndown_revision = ("1", "mine")\n',
        },
    )

    assert cofee("new-module", "orders", "-C", shop).code == 0

    (made,) = (shop / "migrations/versions").glob("*_create_orders.py")
    assert 'down_revision = "both"' in made.read_text()


def test_a_migration_that_cannot_be_read_is_refused(shop: Path, cofee: Run) -> None:
    """Revisions are read without being imported."""
    write(shop, {"migrations/versions/odd.py": "revision = compute()\n"})

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "`migrations/versions/odd.py` does not define its revision" in ran.err


def test_a_dirty_tree_keeps_every_other_byte(shop: Path, cofee: Run) -> None:
    """Edits, staged or not, and untracked files are not looked at twice."""
    (shop / "app/main.py").write_text("mine = 1\n")
    (shop / "app/router.py").write_text("# mine\n" + (shop / "app/router.py").read_text())
    (shop / "notes.txt").write_bytes(b"\xff\x00mine")
    before = snapshot(shop)

    assert cofee("new-module", "orders", "-C", shop).code == 0

    after = snapshot(shop)
    changed = {path for path in after if before.get(path) != after[path]}
    assert {path for path in changed if path in before} == {".copier-answers.yml", "app/router.py"}
    assert (shop / "app/router.py").read_text().startswith("# mine\n")


def test_outside_git(shop: Path, cofee: Run) -> None:
    """No repository is needed."""
    shutil.rmtree(shop / ".git")

    assert cofee("new-module", "orders", "-C", shop).code == 0

    assert (shop / "app/modules/orders/models.py").exists()


def test_needs_no_origin_once_the_template_is_cached(
    shop: Path, template: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network and the template's repository are not used again."""
    shutil.move(template, template.with_name("gone"))
    monkeypatch.setattr(socket, "socket", None)

    assert cofee("new-module", "orders", "-C", shop).code == 0


def test_fields_from_a_file(shop: Path, tmp_path: Path, cofee: Run) -> None:
    """A file may hold specifications and records side by side."""
    file = tmp_path / "orders.yml"
    file.write_text("fields:\n  - total:int:min=0\n  - {name: note, type: str, nullable: true}\n")

    assert cofee("new-module", "orders", "--from", file, "-C", shop).code == 0

    text = (shop / "app/modules/orders/models.py").read_text()
    assert '    total = "int"\n    note = "str"\n' in text


def test_conflict_waits_to_be_settled(shop: Path, cofee: Run) -> None:
    """If the wiring cannot be merged, both sides are kept and the module is recorded later."""
    (shop / "app/router.py").write_text("ROUTERS = load()\n")

    ran = cofee("new-module", "orders", "-C", shop)
    (shop / "app/router.py").write_text("ROUTERS = load('orders')\n")
    done = cofee("update", "--continue", "-C", shop)

    assert ran.code == 2
    assert done.code == 0
    assert "name: orders" in (shop / ".copier-answers.yml").read_text()


def test_json_lists_what_was_written(shop: Path, cofee: Run) -> None:
    """The document is all that is printed to stdout."""
    ran = cofee("new-module", "orders", "--json", "-C", shop)

    document = json.loads(ran.out)
    assert document["written"] is True
    assert {"path": "app/modules/orders/models.py", "action": "create"} in document["files"]
    assert ran.err == ""


def test_preview_writes_nothing(shop: Path, cofee: Run) -> None:
    """`--diff` prints a patch that git applies."""
    before = snapshot(shop)

    ran = cofee("new-module", "orders", "--diff", "-C", shop)

    assert snapshot(shop) == before
    (shop.parent / "module.patch").write_text(ran.out)
    run_git(shop, "apply", str(shop.parent / "module.patch"))
    assert (shop / "app/modules/orders/models.py").exists()


REFUSED = {
    "unknown type": (["total:strng"], "`strng`", "did you mean `str`?"),
    "unknown modifier": (["total:int:uniqe"], "`uniqe`", "takes `null`, `index`, `default`"),
    "bound that the type cannot have": (["total:str:min=3"], "min", ""),
    "default outside the bounds": (["total:int:min=3:default=1"], "default", ""),
    "duplicate field": (["total:int", "total:str"], "`total` occurs twice", ""),
    "reference to nowhere": (["customer:ref:custmers"], "`custmers`", "`customers`"),
    "keyword": (["class:str"], "`class`", "hint"),
    "column of the mixin": (["created_at:int"], "`created_at`", "hint"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_fields_are_refused(case: str, shop: Path, cofee: Run) -> None:
    """One sentence, a hint, exit code 1, nothing written, no traceback."""
    fields, *words = REFUSED[case]
    before = snapshot(shop)

    ran = cofee("new-module", "orders", *fields, "-C", shop)

    assert ran.code == 1
    assert ran.err.splitlines()[-1] != ""
    for word in words:
        assert word in ran.err
    assert "Traceback" not in ran.err
    assert snapshot(shop) == before


NAMES = {
    "existing module": "customer",
    "a class that pytest collects": "test",
    "a path": "../orders",
    "a path inside": "a/b",
    "absolute": "/orders",
    "empty": "",
    "not ASCII": "größen",
    "starts with a digit": "1st",
    "too long for PostgreSQL": "x" * 70,
}


@pytest.mark.parametrize("case", NAMES)
def test_bad_names_are_refused(case: str, shop: Path, cofee: Run) -> None:
    """A name that cannot be a module is refused with a reason and a way out."""
    before = snapshot(shop)

    ran = cofee("new-module", "-C", shop, "--", NAMES[case])

    assert ran.code == 1
    assert ran.err.startswith(("error: ",))
    assert snapshot(shop) == before


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ('class Thing:\n    __tablename__ = "orders"\n', "table `orders`"),
        ("class Order:\n    pass\n", "class `Order`"),
        ('from x import y\nr = APIRouter(prefix="/orders")\n', "route `/orders`"),
    ],
)
def test_names_of_hand_written_code_are_refused(
    code: str, word: str, shop: Path, cofee: Run
) -> None:
    """Tables, classes and routes that are not recorded count too."""
    write(shop, {"app/modules/legacy/models.py": code})

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert word in ran.err


def test_folder_that_exists_is_refused(shop: Path, cofee: Run) -> None:
    """An existing folder of that name may be hand-written."""
    write(shop, {"app/modules/orders/mine.py": "x = 1\n"})

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "the module folder `orders` exists already" in ran.err
