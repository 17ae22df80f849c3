"""Enums that fields of several modules share: declared once, and changed in all modules at once."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.spec import gate
from cofee.spec.record import Field, Module
from cofee.template.template import Template
from tests.conftest import Run, snapshot
from tests.generated import REPOSITORY, environment, make_service, run, snapshot_template
from tests.strategies import FACTS, Record
from tests.test_blueprint import validate

ENUM: Record = {"type": "enum", "enum": "OrderStatus"}
DECLARED: Record = {"name": "status", **ENUM, "values": ["new", "old"]}
SHARED: Record = {"name": "state", **ENUM}
STATE = "state:enum:@StateOfWork"


def modules(*fields: Record) -> list[Module]:
    """Give a module for each field."""
    records = [
        {"name": f"m{number}", "entity": f"M{number}", "fields": [field]}
        for number, field in enumerate(fields)
    ]
    return [*map(Module.from_record, records)]


def test_any_module_can_give_the_values() -> None:
    """The others get its values and labels."""
    labels = {"new": "New", "old": "Old"}
    declared = {**DECLARED, "labels": labels}

    first, second = gate.check_modules(modules(SHARED, declared), FACTS)

    same = {"values": ("new", "old"), "labels": labels, "enum": "OrderStatus"}
    assert first.fields == (Field("state", "enum", **same),)  # type: ignore[arg-type]  # a test's
    assert [second.to_record()] == [
        modules(declared)[0].to_record() | {"name": "m1", "entity": "M1"}
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([SHARED], "`m0`: `state`: there is no enum `OrderStatus`"),
        ([DECLARED, {**SHARED, "enum": "OrderStates"}], "there is no enum `OrderStates`"),
        ([DECLARED, {**DECLARED, "values": ["old"]}], "has the values `new`, `old`"),
        ([{**DECLARED, "enum": "M0"}], "`M0` cannot name an enum: it must be letters"),
        ([{**DECLARED, "enum": "Literal"}], "it is a name that generated code uses"),
        ([{**DECLARED, "values": ["a", "a"]}], "`a` is listed twice"),
        ([DECLARED, {**SHARED, "default": "gone"}], "the default `gone` must be one of"),
    ],
)
def test_impossible_enums_are_refused(fields: list[Record], words: str) -> None:
    with pytest.raises(CofeeError) as refused:
        gate.check_modules(modules(*fields), FACTS)

    assert words in refused.value.message


def test_an_enum_cannot_have_the_name_of_a_class() -> None:
    record = {"name": "order_status", "entity": "OrderStatus", "fields": [DECLARED]}

    with pytest.raises(CofeeError, match="it is a class of `order_status`"):
        gate.check_modules([Module.from_record(record)], FACTS)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([DECLARED, SHARED], "field `m1.state` must have `values`"),
        ([DECLARED, {**DECLARED, "values": ["old"]}], "`m1.status` has other values or labels"),
        ([{**DECLARED, "enum": "states"}], "whose name must be letters in CamelCase"),
        ([{**DECLARED, "enum": "Literal"}], "cannot share the enum `Literal`: it is a name that"),
    ],
)
def test_copier_alone_refuses_them(fields: list[Record], problem: str) -> None:
    renderer = Renderer(Template("template", "HEAD", REPOSITORY))
    records = [module.to_record() for module in modules(*fields)]

    assert problem in validate(renderer, records)


@pytest.fixture
def service(tmp_path: Path, cofee: Run) -> Path:
    """A service with an enum in two modules."""
    template, root = snapshot_template(tmp_path / "template"), tmp_path / "service"
    make_service(template, root, {"auth": "none", "ci": "none"})
    for command in (
        ["new-module", "orders", f"{STATE}=new,old:null"],
        ["new-module", "visits", f"{STATE}:default=old"],
    ):
        assert cofee(*command, "-C", root).code == 0
    return root


def values(service: Path) -> list[list[str]]:
    """Return the recorded values of each field with an enum."""
    answers: dict[str, Any] = yaml.safe_load((service / ".copier-answers.yml").read_text())
    fields = [field for module in answers["modules"] for field in module["fields"]]
    return [field["values"] for field in fields if "enum" in field]


def test_values_change_in_all_modules(service: Path, cofee: Run) -> None:
    """With a migration for each, which one undo takes back; a refusal names the other module."""
    before = sources(service)

    refused = cofee("change-field", "orders", f"{STATE}=new,gone:null", "-C", service)
    changed = cofee("change-field", "orders", f"{STATE}=old,gone:null", "-C", service)

    assert "`visits`: `state`: the default `old` must be one of `new`, `gone`" in refused.err
    assert changed.code == 0, changed.err
    assert "`visits`: `state` loses `new`" in changed.err
    assert values(service) == [["old", "gone"]] * 2
    assert 'StateOfWork = Literal["old", "gone"]' in enums(service)
    names = {path.name[11:] for path in (service / "migrations/versions").iterdir()}
    assert {"change_field_orders_state.py", "change_field_visits_state.py"} <= names
    assert cofee("undo", "-C", service, "--yes").code == 0
    assert sources(service) == before


def test_an_enum_stays_while_a_field_has_it(service: Path, cofee: Run) -> None:
    """The module that gave its values can be renamed or removed; hand-written lines stay."""
    path = service / "app/common/enums.py"
    path.write_text(path.read_text() + '\nKINDS = ("a", "b")\n')
    for command in (
        ["rename-module", "orders", "deals"],
        ["remove-field", "deals", "state", "--yes"],
        ["new-module", "calls", f"mood{STATE[5:]}"],
        ["change-field", "visits", "state:enum:new,old"],
    ):
        ran = cofee(*command, "-C", service)
        assert ran.code == 0, ran.err

    assert values(service) == [["new", "old"]]
    assert 'StateOfWork = Literal["new", "old"]' in enums(service)
    assert 'KINDS = ("a", "b")' in enums(service)
    assert cofee("remove-module", "calls", "--yes", "-C", service).code == 0
    assert "there is no enum" in cofee("new-module", "talks", STATE, "-C", service).err


def sources(service: Path) -> dict[str, bytes]:
    """Return the files of a service, without those that Python writes."""
    return {path: text for path, text in snapshot(service).items() if "__pycache__" not in path}


def enums(service: Path) -> str:
    return (service / "app/common/enums.py").read_text()


@pytest.mark.service
def test_the_database_enforces_the_values(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A migration adds the check to an older service; Alembic finds other values too."""
    if not request.config.getoption("every_cell"):
        pytest.skip("`poe migration` writes such a check in test_safe_migrations.py")
    template = snapshot_template(tmp_path / "template")
    programs = environment(template)
    fields = [{"name": "status", "type": "enum", "values": ["new", "old"]}]
    module = {"name": "orders", "entity": "Order", "fields": fields}
    given = {"auth": "none", "database": "sqlite", "modules": [module]}
    root = make_service(template, tmp_path / "service", given)
    (created,) = (root / "migrations/versions").iterdir()
    text = created.read_text()
    checked = re.sub(r"        sa\.CheckConstraint\(.*\),\n", "", text)
    assert checked != text
    created.write_text(checked)
    alembic = ("python", "-m", "dev", "alembic")

    run(root, programs, *alembic, "upgrade", "head")
    run(root, programs, *alembic, "revision", "--autogenerate", "-m", "check values")
    run(root, programs, *alembic, "upgrade", "head")

    assert "No new upgrade operations" in run(root, programs, *alembic, "check")
    (path,) = root.rglob("*.sqlite3")
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO orders (status, id, created_at, updated_at, is_deleted) "
            "VALUES ('lost', '1', '2026-01-01', '2026-01-01', 0)"
        )
    model = root / "app/modules/orders/models.py"
    model.write_text(model.read_text().replace('"new", "old"', '"new", "old", "lost"'))
    with pytest.raises(AssertionError, match="add_constraint"):
        run(root, programs, *alembic, "check")
