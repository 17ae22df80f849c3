"""`cofee undo` takes the last operation back, and `cofee diff` shows what it would keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run, snapshot
from tests.test_update import edit, next_main
from tests.tiny import release, run_git, write


def test_takes_a_module_back_byte_for_byte(shop: Path, cofee: Run) -> None:
    """Files, wiring, migration and record are as they were."""
    before = snapshot(shop)
    cofee("new-module", "orders", "total:int", "-C", shop)

    ran = cofee("undo", "-C", shop)

    assert ran.code == 0
    assert "undoing `cofee new-module orders`" in ran.err
    assert snapshot(shop) == before
    assert not (shop / "app/modules/orders").exists()


def test_names_the_downgrade(shop: Path, cofee: Run) -> None:
    """A database that has the migration cannot be seen, so what to run is said."""
    cofee("new-module", "orders", "-C", shop)

    ran = cofee("undo", "-C", shop)

    assert "run `alembic downgrade 1` first" in ran.err


def test_takes_an_update_back_and_keeps_edits_since(shop: Path, template: Path, cofee: Run) -> None:
    """What was edited after the operation stays."""
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))
    cofee("update", "-C", shop)
    edit(shop / "app/main.py", "return 1", "return 2")

    assert cofee("undo", "-C", shop).code == 0

    text = (shop / "app/main.py").read_text()
    assert "PORT = 8000" in text
    assert "return 2" in text
    assert "_commit: v1.0.0" in (shop / ".copier-answers.yml").read_text()


def test_takes_back_one_operation_after_the_other(shop: Path, template: Path, cofee: Run) -> None:
    """Each undo goes one step further back, and then there is nothing left."""
    states = [snapshot(shop)]
    for name in ("orders", "items"):
        cofee("new-module", name, "-C", shop)
        states.append(snapshot(shop))

    for state in reversed(states[:-1]):
        assert cofee("undo", "-C", shop).code == 0
        assert snapshot(shop) == state

    ran = cofee("undo", "-C", shop)
    assert ran.code == 1
    assert "nothing to undo" in ran.err


def test_edited_file_of_an_undone_module_is_a_conflict(shop: Path, cofee: Run) -> None:
    """An edited file is not deleted."""
    cofee("new-module", "orders", "-C", shop)
    edit(shop / "app/modules/orders/service.py", "return LIMIT", "return LIMIT + 1")

    ran = cofee("undo", "-C", shop)

    assert ran.code == 2
    assert "LIMIT + 1" in (shop / "app/modules/orders/service.py").read_text()
    assert cofee("update", "--abort", "-C", shop).code == 0


def test_what_would_not_import_is_asked_for(shop: Path, cofee: Run) -> None:
    """Hand-written code that uses what is removed is listed; `--yes` continues."""
    cofee("new-module", "orders", "-C", shop)
    write(shop, {"app/report.py": "from .modules.orders.models import Order\n"})
    before = snapshot(shop)

    refused = cofee("undo", "-C", shop)
    unchanged = snapshot(shop)
    done = cofee("undo", "--yes", "-C", shop)

    assert refused.code == 1
    assert "unresolved imports or undefined names in `app/report.py`" in refused.err
    assert "line 1: there is no module `.modules.orders.models`" in refused.err
    assert unchanged == before
    assert done.code == 0
    assert not (shop / "app/modules/orders").exists()


def test_resolved_conflicts_are_taken_back_too(shop: Path, template: Path, cofee: Run) -> None:
    """The operation as it was resolved is one step."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    before = snapshot(shop)
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 1", "PORT": "P"}))
    cofee("update", "-C", shop)
    text = (shop / "app/main.py").read_text()
    (shop / "app/main.py").write_text("DEBUG = 'both'\n" + text.split(">>>>>>> template\n")[1])
    cofee("update", "--continue", "-C", shop)

    assert cofee("undo", "-C", shop).code == 0

    assert snapshot(shop) == before


def test_an_abort_that_lost_nothing_is_no_step(shop: Path, template: Path, cofee: Run) -> None:
    """Its conflicts would come back unexpectedly, so the step before is undone instead."""
    before = snapshot(shop)
    cofee("new-module", "orders", "-C", shop)
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 1"}))
    assert cofee("update", "-C", shop).code == 2
    assert cofee("update", "--abort", "-C", shop).code == 0

    ran = cofee("undo", "-C", shop)

    assert ran.code == 0
    assert "undoing `cofee new-module orders`" in ran.err
    edit(shop / "app/main.py", "DEBUG = 'mine'", "DEBUG = False")
    assert snapshot(shop) == before


def test_committed_migration_is_never_removed(shop: Path, cofee: Run) -> None:
    """What is in git may be in a database, and is history."""
    cofee("new-module", "orders", "-C", shop)
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--message", "orders")
    before = snapshot(shop)

    ran = cofee("undo", "-C", shop)

    assert ran.code == 1
    assert "is in git" in ran.err
    assert snapshot(shop) == before


def test_migration_that_others_build_on_is_not_removed(shop: Path, cofee: Run) -> None:
    """A chain is not broken in the middle."""
    cofee("new-module", "orders", "-C", shop)
    (made,) = (shop / "migrations/versions").glob("*_create_orders.py")
    revision = made.read_text().split('"')[1]
    mine = f'revision = "mine"\ndown_revision = "{revision}"\n'
    (shop / "migrations/versions/mine.py").write_text(mine)

    ran = cofee("undo", "-C", shop)

    assert ran.code == 1
    assert "another migration builds on" in ran.err


@pytest.mark.parametrize("option", ["--dry-run", "--diff"])
def test_preview_writes_nothing(option: str, shop: Path, cofee: Run) -> None:
    """The step can still be undone afterwards."""
    cofee("new-module", "orders", "-C", shop)
    before = snapshot(shop)

    assert cofee("undo", option, "-C", shop).code == 0

    assert snapshot(shop) == before
    assert cofee("undo", "-C", shop).code == 0


def test_diff_shows_edits_alone(shop: Path, cofee: Run) -> None:
    """Of the existing file, the part from the template is left."""
    cofee("new-module", "orders", "-C", shop)
    edit(shop / "app/main.py", "return 1", "return 2")
    edit(shop / "app/modules/orders/service.py", "LIMIT = 10", "LIMIT = 11")
    (shop / "run.sh").unlink()

    everything = cofee("diff", "-C", shop).out
    orders = cofee("diff", "orders", "-C", shop).out
    document = json.loads(cofee("diff", "--json", "-C", shop).out)

    assert "-    return 1\n+    return 2\n" in everything
    assert "deleted file mode 100755" in everything
    assert "-LIMIT = 10\n+LIMIT = 11\n" in orders
    assert "main.py" not in orders
    assert {"path": "run.sh", "action": "remove"} in document["files"]


def test_diff_of_an_unknown_module_is_refused(shop: Path, cofee: Run) -> None:
    """The nearest one is named."""
    ran = cofee("diff", "custmers", "-C", shop)

    assert ran.code == 1
    assert "did you mean `customers`?" in ran.err


def test_recorded_commands_are_listed(shop: Path, cofee: Run) -> None:
    """Newest first, each with whether it was undone or can be."""
    cofee("new-module", "orders", "-C", shop)
    cofee("new-module", "tags", "-C", shop)
    cofee("undo", "-C", shop)
    before = snapshot(shop)

    ran = cofee("undo", "--list", "-C", shop)
    document = json.loads(cofee("undo", "--list", "--json", "-C", shop).out)

    undo, tags, orders = ran.out.splitlines()
    assert undo.endswith("cofee undo of `cofee new-module tags` (cannot be undone)")
    assert tags.endswith("cofee new-module tags (already undone)")
    assert orders.endswith("cofee new-module orders (can be undone)")
    assert [row["can_be_undone"] for row in document["records"]] == [False, False, True]
    assert "app/modules/orders/models.py" in document["records"][-1]["files"]
    assert snapshot(shop) == before


def test_uses_of_what_is_undone_are_listed(shop: Path, cofee: Run) -> None:
    """Lines that the user wrote since, which parse and import."""
    cofee("add-field", "customers", "email:str:null", "-C", shop)
    text = "from app.modules.customers.models import Customer\n\nMAIL = Customer.email\n"
    write(shop, {"app/report.py": text})

    preview = cofee("undo", "--dry-run", "-C", shop)
    document = json.loads(cofee("undo", "--json", "-C", shop).out)

    assert "uses of removed names:\n  app/report.py:3: MAIL = Customer.email\n" in preview.err
    assert document["mentions"] == ["app/report.py:3: MAIL = Customer.email"]
    assert document["written"] is True
