"""A new reference reaches the module that it leads to, and leaves what was edited there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.generated import REPOSITORY, environment, make_service, run, snapshot_template
from tests.preforked import Preforked

PLACES = ("  # the end of a line", "\n\n    def greet(self) -> str:\n        return self.name\n")


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("customer:ref:customers", "orders__customer: Mapped[list[Order]]"),
        ("payer:one:customers", "orders__payer: Mapped[Order | None]"),
    ],
)
def test_a_reference_adds_its_other_side(
    tmp_path: Path, cofee: Run, field: str, attribute: str
) -> None:
    template, root = snapshot_template(tmp_path / "template"), tmp_path / "shop"
    assert cofee("new", root, "--template", template, "--defaults", "--trust").code == 0
    assert cofee("new-module", "customers", "name:str", "-C", root).code == 0
    models = root / "app/modules/customers/models.py"
    edited = models.read_text().rstrip("\n") + "".join(PLACES)
    models.write_text(edited)

    added = cofee("new-module", "orders", field, "-C", root)

    assert added.code == 0, added.err
    assert attribute in models.read_text()
    assert all(line in models.read_text() for line in edited.splitlines())
    assert cofee("undo", "-C", root).code == 0
    assert models.read_text() == edited


def test_links_cannot_become_anything_else(tmp_path: Path, cofee: Run) -> None:
    template, root = snapshot_template(tmp_path / "template"), tmp_path / "shop"
    assert cofee("new", root, "--template", template, "--defaults", "--trust").code == 0
    assert cofee("new-module", "products", "peers:many:products", "-C", root).code == 0

    refused = cofee("change-field", "products", "peers:ref:products:null", "-C", root)
    migrations = [*(root / "migrations/versions").iterdir()]
    filtered = cofee("change-field", "products", "peers:many:products:filter", "-C", root)
    assert filtered.code == 0, filtered.err
    assert [*(root / "migrations/versions").iterdir()] == migrations
    renamed = cofee("rename-field", "products", "peers", "others", "-C", root)

    assert refused.code == 1
    assert "links to rows cannot become another type" in refused.err
    assert renamed.code == 0, renamed.err
    schemas = (root / "app/modules/products/schemas.py").read_text()
    assert "other_ids" in schemas
    assert "other_id: Filter[uuid.UUID]" in schemas


@pytest.mark.service
def test_a_row_cannot_go_while_another_comes_to_refer_to_it(
    tmp_path: Path, forks: Preforked
) -> None:
    """Two concurrent requests leave no row that refers to a deleted one, in either order."""
    template = snapshot_template(tmp_path / "template")
    label = {"name": "labels", "entity": "Label", "fields": [{"name": "name", "type": "str"}]}
    reference = {"name": "label", "type": "ref", "to": "labels"}
    note = {"name": "notes", "entity": "Note", "fields": [reference]}
    root = make_service(template, tmp_path / "shop", {"auth": "none", "modules": [label, note]})

    race = ("python", "-m", "dev", "--temporary", "python", str(REPOSITORY / "tests/holding.py"))
    settings = {"PYTHONPATH": str(root), **forks.first("alembic")}
    printed = run(root, environment(template), *race, **settings)

    assert printed.splitlines()[-1] == "409 in_use; 422 unknown_reference"
