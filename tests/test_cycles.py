"""Modules that refer to one another in a cycle, made at once and one after the other."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cofee.spec.record import Module, reach
from tests.conftest import Run, snapshot
from tests.cyclic import cycles
from tests.generated import DATABASES, make_service
from tests.judging import EACH_RISK, Judge
from tests.released import template

__all__ = ["template"]  # pytest finds the fixture by its name

OPTIONS = ("--defaults", "--trust", "--data", "auth=none")
ORDERS = "code:str:unique last_invoice:ref:invoices:null:filter receipt:one:invoices:null"
INVOICES = "number:int:unique order:ref:orders:null:on_delete=cascade"


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service that was made with both cycles."""
    target = tmp_path_factory.mktemp("cycles") / "service"
    return make_service(template, target, {"auth": "none", "modules": cycles()})


def test_keys_to_later_tables_come_after_all_tables(project: Path) -> None:
    """One migration a module that is in a cycle, and one for its rules, on top of the tables."""
    found = sorted(path.stem.partition("_")[2] for path in (project / "migrations").rglob("2*.py"))

    assert found[:3] == ["add_references_orders", "add_references_seas", "add_rules_orders"]
    assert all(name.startswith("create_") for name in found[3:])


def test_a_change_reaches_both_sides_of_a_later_reference() -> None:
    """What leads to a module and what it leads to are rendered with it, and nothing else."""
    before = [*map(Module.from_record, cycles()), Module("others", "Other")]
    for name, reached in {"rivers": {"rivers", "seas", "springs"}, "orders": {"invoices"}}.items():
        after = [replace(one, entity="New") if one.name == name else one for one in before]
        assert reach(before, after) == reached | {name}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that asks for the shop leaves it for the others."""
    return tmp_path_factory.mktemp("made") / "shop"


@pytest.fixture
def shop(made: Path, tmp_path: Path, template: Path, cofee: Run) -> Path:
    """A service whose `orders` came before its `invoices`, which refer to them."""
    if not made.exists():
        make_service(template, made, {"auth": "none"})
        assert cofee("new-module", "orders", ORDERS.split()[0], "-C", made).code == 0
        assert cofee("new-module", "invoices", *INVOICES.split(), "-C", made).code == 0
    return Path(shutil.copytree(made, tmp_path / "shop"))


def test_a_cycle_is_closed_by_a_field(
    shop: Path, tmp_path: Path, template: Path, cofee: Run
) -> None:
    """The modules are as if they had been made at once; undo opens the cycle again."""
    before = snapshot(shop)
    made = tmp_path / "made"
    modules = ("--module", f"orders {ORDERS}", "--module", f"invoices {INVOICES}")
    assert cofee("new", made, "--template", template, *OPTIONS, *modules).code == 0

    added = cofee("add-field", "orders", *ORDERS.split()[1:], "-C", shop)

    assert added.code == 0, added.err
    for folder in ("app", "tests"):
        assert snapshot(shop / folder) == snapshot(made / folder)
    assert cofee("undo", "-C", shop).code == 0
    assert snapshot(shop) == before


def test_modules_of_a_cycle_change(shop: Path, cofee: Run, judge: Judge) -> None:
    """Each command reaches both modules, and the migrations lead there and back."""
    steps = [
        ("add-field", "orders", *ORDERS.split()[1:]),
        ("change-field", "orders", "last_invoice:ref:invoices:null:unique:on_delete=set_null"),
        ("rename-module", "invoices", "bills"),
        ("rename-field", "orders", "last_invoice", "last_bill"),
        ("add-field", "orders", "bills:many:bills"),
        ("rename-module", "orders", "sales"),
        ("remove-field", "sales", "receipt"),
    ]
    for step in steps:
        done = cofee(*step, "-C", shop)
        assert done.code == 0, done.err

    for database, tests in {"postgresql": "", "sqlite": "tests/modules"}.items():
        paths = ("tests/db/test_migrations.py", *tests.split())
        assert judge.complaint(shop, *paths, *EACH_RISK, variables=DATABASES[database]) == ""
    texts = [path.read_text() for path in (shop / "app").rglob("*.py")]
    assert not [text for text in texts if "nvoice" in text or "modules.orders" in text]


def test_a_cycle_is_opened_before_a_module_goes(shop: Path, cofee: Run) -> None:
    """Both modules are referred to; without the later reference the later module can go."""
    assert cofee("add-field", "orders", *ORDERS.split()[1:], "-C", shop).code == 0

    for name, referring in (("orders", "invoices.order"), ("invoices", "orders.last_invoice")):
        refused = cofee("remove-module", name, "-C", shop)
        assert refused.code == 1
        assert f"the module `{name}` is referred to by `{referring}`" in refused.err

    assert cofee("remove-field", "orders", "last_invoice", "receipt", "-C", shop).code == 0
    assert cofee("remove-module", "invoices", "-C", shop).code == 0
    assert "nvoice" not in (shop / "app/modules/orders/service.py").read_text()


@pytest.mark.parametrize("command", ["add-field", "change-field"])
@pytest.mark.parametrize("kind", ["ref", "one"])
def test_a_later_reference_is_optional(shop: Path, cofee: Run, command: str, kind: str) -> None:
    """The first row of a cycle is made before there is one that it could refer to."""
    name = "code" if command == "change-field" else "invoice"

    refused = cofee(command, "orders", f"{name}:{kind}:invoices", "-C", shop)

    assert refused.code == 1
    assert "`invoices` is listed after `orders`" in refused.err
    assert "add `:null`" in refused.err


def test_a_later_reference_is_optional_at_once(tmp_path: Path, template: Path, cofee: Run) -> None:
    """Options and files pass the same checks as commands."""
    data = tmp_path / "data.yml"
    later = "{name: orders, entity: Order, fields: [{name: last, type: ref, to: invoices}]}"
    data.write_text(f"modules: [{later}, {{name: invoices, entity: Invoice, fields: []}}]")
    options = ("--template", template, "--defaults", "--trust")
    modules = ("--module", "orders last:ref:invoices", "--module", "invoices")

    by_option = cofee("new", tmp_path / "shop", *options, *modules)
    by_file = cofee("new", tmp_path / "shop", *options, "--data-file", data)

    for ran in (by_option, by_file):
        assert "`last`: `invoices` is listed after `orders`, so the reference must be" in ran.err
    assert (by_option.code, by_file.code) == (1, 1)
    assert not (tmp_path / "shop").exists()
