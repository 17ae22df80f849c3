"""The main job on the real template: a service, modules, hand edits, versions, an update."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy, run_update
from pytest_copie.plugin import Copie

from cofee.engine.render import Renderer
from cofee.template import template as templates
from tests.conftest import Run, snapshot
from tests.generated import EXAMPLES, environment, make_service, run, snapshot_template
from tests.judging import EACH_RISK, Judge
from tests.test_render import copiers
from tests.test_update import edit
from tests.tiny import release, run_git

pytestmark = pytest.mark.service

BLUEPRINT = "template/app/modules/{% yield module from views %}{{ module.name }}{% endyield %}"
SERVICE = f"{BLUEPRINT}/service.py.jinja"
MODULES = (
    ("customers", "name:str:len=80:filter:sort", "email:email:unique"),
    ("products", "sku:str:len=20:unique", "price:decimal:10.2:min=0:sort", "note:text:null"),
    ("notes", "text:str", "product:ref:products:null", "--owned-by", "user"),
    ("orders", "customer:ref:customers", "product:ref:products", "status:enum:draft,paid:filter"),
)
# Every choice of every question is in one of them, and every text that needs quotes.
OPTIONS: dict[str, Mapping[str, Any]] = {
    "defaults": {},
    "least": {"database": "sqlite", "auth": "none", "ci": "none"},
    "most": {
        "auth": "oauth",
        "isolation": "project",
        "ci": "gitlab",
        "python_version": "3.13",
        "description": 'Says "größe" & more',
        "modules": [
            {
                "name": "notes",
                "entity": "Note",
                "fields": [{"name": "mood", "type": "str", "default": "größe 😀 \u2028 'x'"}],
            }
        ],
    },
    "chinook": EXAMPLES["chinook"],
    "coffee": EXAMPLES["coffee"],
    "module alone": {**EXAMPLES["shop"], "kind": "module"},
}


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """The template of the working tree, released as v0.1.0."""
    return snapshot_template(tmp_path / "template")


@pytest.mark.parametrize("case", OPTIONS)
def test_rendering_equals_copier(case: str, released: Path, tmp_path: Path) -> None:
    """Every option and the longest examples, byte for byte."""
    renderer = Renderer(templates.latest(str(released)))
    answers = renderer.settle(OPTIONS[case], {}, "service")

    rendered = renderer.render(answers, "copy")

    assert rendered == copiers(released, dict(OPTIONS[case]), tmp_path / "service")


def test_pytest_copie_bakes_the_template(copie: Copie, released: Path) -> None:
    """The template can be tested as any Copier template can."""
    answers = {"project_name": "baked", "database": "sqlite"}
    result = copie.copy(extra_answers=answers, template_dir=released)

    assert result.exception is None
    assert result.exit_code == 0
    assert result.project_dir is not None
    assert (result.project_dir / "app/db/sqlite.py").is_file()
    assert not (result.project_dir / "app/db/postgresql.py").exists()


def test_two_ways_to_a_new_service(released: Path, tmp_path: Path, cofee: Run) -> None:
    """`copier copy --trust --defaults` and `cofee new --defaults` give the same tree."""
    ours, theirs = tmp_path / "ours/shop", tmp_path / "theirs/shop"

    made = cofee("new", ours, "--template", released, "--defaults", "--trust")
    run_copy(str(released), theirs, defaults=True, quiet=True, unsafe=True)

    assert made.code == 0, made.err
    # Each has its own secret, and a release may appear between the two resolutions.
    apart = {".env", "uv.lock"}
    left, right = snapshot(ours), snapshot(theirs)
    assert left.keys() == right.keys() >= apart
    assert {path for path in left if left[path] != right[path]} <= apart
    assert left[".env"] != right[".env"]
    assert run_git(ours, "status", "--short") == ""
    assert ".env" not in run_git(ours, "ls-files").splitlines()


def test_module_by_copier_alone(released: Path, tmp_path: Path) -> None:
    """`kind=module` inside a project writes the module's files and touches nothing else."""
    shop = tmp_path / "shop"
    run_copy(str(released), shop, defaults=True, quiet=True, skip_tasks=True)
    (shop / "app/modules/__init__.py").write_text("# mine\n")
    before = snapshot(shop)
    module = {"name": "notes", "entity": "Note", "fields": [{"name": "text", "type": "str"}]}

    run_copy(
        str(released), shop, data={"kind": "module", "modules": [module]},
        defaults=True, quiet=True, skip_tasks=True,
    )  # fmt: skip

    after = snapshot(shop)
    assert {path: after[path] for path in before} == before
    made = {
        path.split("2026")[0] for path in after.keys() - before.keys() if "versions" not in path
    }
    folders = {path.rsplit("/", 1)[0] for path in made}
    assert folders == {"app/modules/notes", "tests/contract", "tests/modules/notes"}
    (users,) = [path for path in before if path.startswith("migrations/versions/")]
    (notes,) = [path for path in after.keys() - before.keys() if "versions" in path]
    revision = next(line for line in after[users].splitlines() if line.startswith(b"Revision ID"))
    assert b"Revises: " + revision.split()[-1] in after[notes]


def make_project(root: Path, template: Path, cofee: Run) -> None:
    """Make the default service, and modules in it by command."""
    make_service(template, root, {})
    run_git(root, "init", "--quiet")
    for name, *fields in MODULES:
        added = cofee("new-module", name, *fields, "-C", root)
        assert added.code == 0, added.err
    commit(root)


def commit(root: Path) -> None:
    """Commit everything, as Copier's update demands."""
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--allow-empty", "--message", "edits")


def edit_by_hand(root: Path) -> dict[str, list[str]]:
    """Edit the project the way a developer does; return the lines that must stay, by file."""
    products = root / "app/modules/products"
    edit(
        products / "service.py",
        "    async def create(self, data: ProductCreate) -> ProductRead:\n",
        "    async def create(self, data: ProductCreate) -> ProductRead:\n"
        '        if data.sku.startswith("X"):\n'
        "            raise NotFoundError(ERROR_NOT_FOUND)\n",
    )
    edit(
        products / "models.py",
        "    __table_args__",
        "    shelf: Mapped[str | None] = mapped_column(sa.String(20))\n\n    __table_args__",
    )
    router = root / "app/modules/orders/router.py"
    router.write_text(
        router.read_text()
        + '\n\n@router.get("/teapot", response_model=str, summary="A teapot")\n'
        + "async def get_teapot() -> str:\n"
        + '    """Tell what this is."""\n'
        + '    return "teapot"\n'
    )
    for tree in ("app", "tests"):
        (root / tree / "modules/customers").rename(root / tree / "modules/clients")
    for path in root.rglob("*.py"):
        if ".git" not in path.parts and "modules.customers" in path.read_text():
            text = path.read_text().replace("modules.customers", "modules.clients")
            path.write_text(text)
    (root / "README.md").write_text((root / "README.md").read_text() + "\nAsk Ann.\n")
    return {
        "app/modules/products/service.py": ['        if data.sku.startswith("X"):'],
        "app/modules/products/models.py": [
            "    shelf: Mapped[str | None] = mapped_column(sa.String(20))"
        ],
        "app/modules/orders/router.py": ['    return "teapot"'],
        "app/modules/orders/service.py": [],
        "README.md": ["Ask Ann."],
    }


def improve(template: Path, tag: str, old: str, new: str) -> None:
    """Release a version that improves the service of every module."""
    text = (template / SERVICE).read_text()
    assert old in text
    release(template, tag, {SERVICE: text.replace(old, new)})


def test_update_of_a_service_that_people_work_on(
    released: Path, tmp_path: Path, cofee: Run, judge: Judge
) -> None:
    """Every edit is in place, the improvement is in all modules, the tests are green."""
    shop = tmp_path / "shop"
    make_project(shop, released, cofee)
    edits = edit_by_hand(shop)
    improve(released, "v0.2.0", 'business logic."""', 'business rules."""')
    improve(
        released,
        "v0.3.0",
        "    async def _get(",
        '    async def purge(self) -> None:\n        """Improved."""\n\n    async def _get(',
    )

    ran = cofee("update", "-C", shop)

    assert ran.code == 0, ran.err
    for path, lines in edits.items():
        standing = (shop / path).read_text().splitlines()
        assert [line for line in lines if line not in standing] == [], path
    modules = ("clients", "products", "notes", "orders")
    for module in modules:
        text = (shop / f"app/modules/{module}/service.py").read_text()
        assert 'business rules."""' in text
        assert '"""Improved."""' in text
    assert not (shop / "app/modules/customers").exists()
    write_column_migration(shop)
    programs = environment(released)
    run(shop, programs, "ruff", "check")
    run(shop, programs, "ruff", "format", "--check")
    tests = [f"tests/modules/{module}" for module in modules]
    assert judge.complaint(shop, *tests, "tests/db/test_migrations.py", *EACH_RISK) == ""


def write_column_migration(shop: Path) -> None:
    """Write the migration of the hand-made column, as `poe migration` would."""
    versions = shop / "migrations/versions"
    newest = max(versions.glob("*_create_orders.py"))
    head = next(line for line in newest.read_text().splitlines() if line.startswith("revision"))
    (versions / "2099-01-01_add_shelf.py").write_text(
        '"""Add the shelf."""\n\nfrom __future__ import annotations\n\n'
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision: str = "shelf"\ndown_revision: str | None = {head.split("= ")[1]}\n'
        "branch_labels: str | None = None\ndepends_on: str | None = None\n\n\n"
        'def upgrade() -> None:\n    """Add it."""\n'
        '    op.add_column("products", sa.Column("shelf", sa.String(20), nullable=True))\n\n\n'
        'def downgrade() -> None:\n    """Drop it."""\n'
        '    op.drop_column("products", "shelf")\n'
    )


def test_copier_update_gives_the_same_tree(released: Path, tmp_path: Path, cofee: Run) -> None:
    """Copier alone upgrades the project and all its modules."""
    products = {"name": "products", "entity": "Product", "fields": []}
    orders = {**products, "name": "orders", "entity": "Order"}
    shop = make_service(released, tmp_path / "one/shop", {"modules": [products, orders]})
    run_git(shop, "init", "--quiet")
    edit(shop / "app/modules/products/service.py", 'this id"', 'that id"')
    commit(shop)
    twin = shutil.copytree(shop, tmp_path / "two/shop")
    improve(released, "v0.2.0", 'business logic."""', 'business rules."""')

    assert cofee("update", "-C", shop).code == 0
    run_update(twin, defaults=True, overwrite=True, quiet=True, unsafe=True)

    assert snapshot(shop) == snapshot(twin)
    assert "business rules" in (twin / "app/modules/orders/service.py").read_text()
