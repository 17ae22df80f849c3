"""`cofee status`: the state of a project, for people and for CI."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.conftest import Run, snapshot
from tests.test_update import edit, next_main
from tests.tiny import release


def test_shows_version_modules_and_edits(shop: Path, template: Path, cofee: Run) -> None:
    """The template, each module with its fields, and what the user changed or removed."""
    edit(shop / "app/main.py", "return 1", "return 2")
    (shop / "run.sh").unlink()
    before = snapshot(shop)

    ran = cofee("status", "-C", shop)

    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"template  {template} at v1.0.0 (the newest)",
        "module    customers (Customer)",
        "          name:str",
        "          age:int:null",
        "edited    app/main.py",
        "missing   run.sh",
    ]
    assert snapshot(shop) == before


def test_check_ends_with_1_for_a_newer_version(shop: Path, template: Path, cofee: Run) -> None:
    """CI learns that an update waits; edits alone are nothing to wait for."""
    edit(shop / "app/main.py", "return 1", "return 2")
    settled = cofee("status", "--check", "-C", shop)
    release(template, "v1.1.0", next_main(PORT="P"))
    release(template, "v1.2.0", next_main(PORT="Q"))

    waiting = cofee("status", "--check", "-C", shop)

    assert settled.code == 0
    assert waiting.code == 1
    assert "(newer: v1.1.0, v1.2.0)" in waiting.out


def test_check_ends_with_1_for_open_conflicts(shop: Path, template: Path, cofee: Run) -> None:
    """Conflicts are listed until they are resolved."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 1"}))
    cofee("update", "-C", shop)

    ran = cofee("status", "--check", "--json", "-C", shop)

    document = json.loads(ran.out)
    assert ran.code == 1
    assert document["conflicts"] == ["app/main.py"]
    assert document["pending"] is True


def test_says_when_the_template_cannot_be_asked(shop: Path, template: Path, cofee: Run) -> None:
    """Without the network the rest is shown all the same."""
    shutil.move(template, template.with_name("gone"))

    ran = cofee("status", "-C", shop)
    checked = cofee("status", "--check", "-C", shop)

    assert (ran.code, checked.code) == (0, 1)
    assert "(newer versions could not be checked)" in ran.out


def test_status_of_a_module_leaves_out_other_modules(shop: Path, cofee: Run) -> None:
    """Its fields, rules and edited files, by any spelling of its name."""
    cofee("new-module", "orders", "total:int", "-C", shop)
    for name in ("customers", "orders"):
        edit(shop / f"app/modules/{name}/models.py", "class", "# mine\nclass")
    edit(shop / "app/main.py", "return 1", "return 2")

    ran = cofee("status", "Order", "-C", shop)
    document = json.loads(cofee("status", "orders", "--json", "-C", shop).out)
    unknown = cofee("status", "odrers", "-C", shop)

    assert "module    orders (Order)\n          total:int\n" in ran.out
    assert document["edited"] == ["app/modules/orders/models.py"]
    assert [module["name"] for module in document["modules"]] == ["orders"]
    assert "customers" not in ran.out
    assert unknown.code == 1
    assert "did you mean `orders`?" in unknown.err
