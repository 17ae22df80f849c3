"""A module that is edited by hand and changed by every command still passes its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.generated import check_types, environment, snapshot_template
from tests.hand_edits import EDITS
from tests.judging import EACH_RISK, Judge
from tests.test_main_job import improve
from tests.tiny import run_git

pytestmark = pytest.mark.service

KEPT = (
    *("method of the model", "property after the fields", "comment above a field"),
    *("comment of the class", "class beside the model", "method of a schema"),
    *("constant of the service", "method of the service", "query method", "extra route"),
    *("hand-written test", "hand-written wiring", "split line", "hand-written files"),
)
STEPS = (
    ("new-module", "orders", "product:ref:products", "total:int:min=0:filter:sort"),
    ("add-field", "products", "weight:float:null:sort", "colour:str:len=20:default=red:filter"),
    ("add-field", "products", "rating:int:min=1:max=5", "--backfill", "3"),
    ("change-field", "products", "note:str:null:len=500:sort"),
    ("change-field", "products", "colour:enum:red,green,blue:default=red:filter"),
    ("rename-field", "products", "stock", "quantity"),
    ("rename-field", "products", "customer", "maker"),
    ("update",),
    ("rename-module", "products", "articles"),
    ("remove-field", "articles", "note"),
    ("remove-module", "orders", "--yes"),
)


def test_edited_module_survives_every_command(tmp_path: Path, cofee: Run, judge: Judge) -> None:
    """Each command succeeds, every edit is present, and the tests of the project pass."""
    template = snapshot_template(tmp_path / "template")
    shop = tmp_path / "shop"
    made = cofee(
        "new", shop, "--template", template, "--defaults", "--trust",
        "--module", "customers name:str",
        "--module", "products sku:str:len=20:unique price:decimal:10.2:min=0:sort "
        "stock:int:default=0 note:text:null customer:ref:customers:filter",
    )  # fmt: skip
    assert made.code == 0, made.err
    lines = [line for edit in KEPT for line in EDITS[edit](shop)]
    improve(template, "v0.2.0", 'business logic."""', 'business rules."""')

    for step in STEPS:
        run_git(shop, "add", "--all")
        run_git(shop, "commit", "--quiet", "--allow-empty", "--message", "step")
        ran = cofee(*step, "-C", shop)
        assert ran.code == 0, f"{step}: {ran.err}"

    texts = "\n".join(
        path.read_text() for path in shop.rglob("*.*") if path.suffix in {".py", ".md"}
    )
    assert [line for line in lines if line not in texts] == []
    modules = ("tests/modules/customers", "tests/modules/articles")
    assert judge.complaint(shop, *modules, "tests/db/test_migrations.py", *EACH_RISK) == ""
    check_types(shop, environment(template))
