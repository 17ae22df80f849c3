"""A module that lives: each change reaches every layer, and no hand edit is lost."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Run, snapshot
from tests.test_update import edit
from tests.tiny import FILES, release, run_git, write

CUSTOMER = "class Customer:\n"
IMPORT = "from app.modules.customers.models import Customer\n"


def models(shop: Path, module: str = "customers") -> str:
    """Return the text of a module's models."""
    return (shop / f"app/modules/{module}/models.py").read_text()


def recorded(shop: Path, module: str = "customers") -> list[dict[str, object]]:
    """Return the recorded fields of a module."""
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())
    fields: list[dict[str, object]] = next(
        one["fields"] for one in answers["modules"] if one["name"] == module
    )
    return fields


def newest_migration(shop: Path, about: str) -> str:
    """Return the text of the one migration that is about something."""
    (path,) = (shop / "migrations/versions").glob(f"*_{about}.py")
    return path.read_text()


def commit(shop: Path) -> None:
    """Commit everything."""
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--allow-empty", "--message", "edits")


def test_add_field_reaches_every_layer(shop: Path, cofee: Run) -> None:
    """Models, schemas, record and a migration on the head."""
    ran = cofee("add-field", "customer", "email:str:default=a", "note:str:null", "-C", shop)

    assert ran.code == 0
    assert '    email = "str"\n    note = "str"\n    created_at' in models(shop)
    assert "    email: object\n" in (shop / "app/modules/customers/schemas.py").read_text()
    assert recorded(shop)[-1] == {"name": "note", "type": "str", "nullable": True}
    migration = newest_migration(shop, "add_field_customers_email_note")
    assert 'down_revision = "1"' in migration
    assert "add_fields" in migration


def test_hand_edits_stay_whatever_changes(shop: Path, cofee: Run) -> None:
    """Hand-written methods, comments and columns survive each change of a field."""
    path = shop / "app/modules/customers/models.py"
    edit(path, CUSTOMER, f"# mine above\n{CUSTOMER}    # mine inside\n    own = 1\n")
    edit(path, "    created_at = None\n", "    created_at = None\n\n    def mine(self): return 2\n")
    mine = ["# mine above", "    # mine inside", "    own = 1", "    def mine(self): return 2"]

    for command in (
        ["add-field", "customers", "email:str:null"],
        ["change-field", "customers", "age:str"],
        ["rename-field", "customers", "email", "mail"],
        ["remove-field", "customers", "age"],
        ["rename-module", "customers", "clients"],
    ):
        ran = cofee(*command, "--yes", "-C", shop)
        assert ran.code == 0, ran.err

    text = models(shop, "clients")
    ast.parse(text)
    assert [line for line in mine if line not in text.splitlines()] == []
    assert '    mail = "str"\n' in text
    assert "age" not in text
    assert "class Client:" in text


def test_change_field_stays_in_its_place(shop: Path, cofee: Run) -> None:
    """The order of fields is the user's."""
    ran = cofee("change-field", "customers", "name:int", "-C", shop)

    assert ran.code == 0
    assert '    name = "int"\n    age = "int"\n' in models(shop)
    assert "`name` becomes `int`, and was `str`" in ran.err


def test_change_of_the_schema_alone_needs_no_migration(shop: Path, cofee: Run) -> None:
    """Bounds and defaults live in the schema; the database does not know them."""
    before = sorted((shop / "migrations/versions").iterdir())

    assert cofee("change-field", "customers", "age:int:null:min=3", "-C", shop).code == 0

    assert sorted((shop / "migrations/versions").iterdir()) == before


@pytest.mark.parametrize(
    ("specification", "words"),
    [
        ("age:int", "`age` becomes required; existing rows may have no value"),
        ("age:int:default=3", "`age` becomes required; rows without a value get `3`"),
        ("name:str:len=20", "`name` becomes shorter; existing values may have more than 20"),
        ("name:str:unique", "`name` becomes unique"),
        ("name:str", "`name` loses `len`, which its specification does not have"),
    ],
)
def test_narrowing_is_said_before_it_is_written(
    specification: str, words: str, shop: Path, cofee: Run
) -> None:
    """Existing rows may not satisfy a new rule."""
    cofee("change-field", "customers", "name:str:len=30", "-C", shop)

    ran = cofee("change-field", "customers", specification, "--dry-run", "-C", shop)

    assert words in ran.err


def test_nothing_would_change(shop: Path, cofee: Run) -> None:
    """A change that changes nothing is rejected."""
    ran = cofee("change-field", "customers", "name:str", "-C", shop)

    assert ran.code == 1
    assert "nothing to change" in ran.err


def test_rename_field_follows_unmistakable_references(shop: Path, cofee: Run) -> None:
    """Attributes of the entity are rewritten inside the module, the rest is listed."""
    mine = (
        "from app.modules.customers.models import Customer\n\n\n"
        "def mine(item: Customer, other, row: Customer | None = None):\n"
        "    made = Customer(age=1)\n"
        "    return item.age + made.age + row.age + Customer.age + other.age\n"
    )
    write(shop, {"app/modules/customers/extra.py": mine, "app/report.py": "x.age = 1\n"})
    edit(
        shop / "app/modules/customers/models.py",
        "    created_at = None\n",
        "    created_at = None\n\n    def mine(self):\n        return self.age\n",
    )

    ran = cofee("rename-field", "customers", "age", "years", "-C", shop)

    assert ran.code == 0
    text = (shop / "app/modules/customers/extra.py").read_text()
    assert "made = Customer(years=1)" in text
    assert "item.years + made.years + row.years + Customer.years + other.age" in text
    assert "return self.years" in models(shop)
    assert "app/modules/customers/extra.py:6: return item.years" in ran.err
    assert "app/report.py:1: x.age = 1" in ran.err
    assert (shop / "app/report.py").read_text() == "x.age = 1\n"


def test_rename_module_takes_everything_along(shop: Path, cofee: Run) -> None:
    """Folder, classes, references of other modules, and hand-written files."""
    cofee("new-module", "orders", "customer:ref:customers", "-C", shop)
    write(
        shop,
        {"app/modules/customers/mine.py": "from app.modules.customers.models import Customer\n"},
    )
    edit(shop / "app/modules/customers/service.py", "return LIMIT", "return LIMIT + 1")

    ran = cofee("rename-module", "customers", "clients", "-C", shop)

    assert ran.code == 0
    assert "Client · table clients · /clients · app/modules/clients" in ran.err
    assert not (shop / "app/modules/customers").exists()
    mine = (shop / "app/modules/clients/mine.py").read_text()
    assert mine == "from app.modules.clients.models import Client\n"
    assert "LIMIT + 1" in (shop / "app/modules/clients/service.py").read_text()
    assert recorded(shop, "orders")[0]["to"] == "clients"
    assert "rename_module" in newest_migration(shop, "rename_customers_to_clients")


def test_rename_module_mends_imports_everywhere(shop: Path, cofee: Run) -> None:
    """A file elsewhere that imports from the module still imports."""
    mine = (
        "from app.modules.customers.models import Customer\n\n\n"
        "def mine(customer: Customer) -> None:\n"
        '    """Customer in words stays."""\n'
    )
    write(shop, {"app/report.py": mine, "app/other.py": "class Customer:\n    pass\n"})
    outside = ("migrations/env.py", "scripts/seed.py", "dev/seed.py", "seed.py")
    write(shop, dict.fromkeys(outside, IMPORT))

    ran = cofee("rename-module", "customers", "clients", "-C", shop)

    assert ran.code == 0
    for path in outside:
        assert (shop / path).read_text() == "from app.modules.clients.models import Client\n"
    assert (shop / "app/report.py").read_text() == (
        "from app.modules.clients.models import Client\n\n\n"
        "def mine(customer: Client) -> None:\n"
        '    """Customer in words stays."""\n'
    )
    assert (shop / "app/other.py").read_text() == "class Customer:\n    pass\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/report.py", IMPORT),
        ("app/report.py", "def f():\n    import app.modules.customers.models as models\n"),
        ("app/report.py", "import os, app.modules.customers.models\n"),
        ("app/report.py", "from app.modules.customers.models import *\n"),
        ("app/report.py", "from .modules.customers.models import Customer\n"),
        ("app/reports/daily.py", "from ..modules.customers import service, models\n"),
        ("app/modules/orders/mine.py", "from ..customers.models import (\n    Customer as C,\n)\n"),
        ("app/modules/customers/mine.py", "from . import models\n"),
        ("app/modules/customers/mine.py", "from .models import Customer\n"),
        ("tests/test_mine.py", f"class TestMine:\n    {IMPORT}"),
        ("scripts/seed.py", IMPORT),
        ("dev/seed.py", f"if True:\n    pass\nelse:\n    {IMPORT}"),
        ("migrations/env.py", IMPORT),
        ("tools/deep/down/seed.py", f"x = 1\nmatch x:\n    case 1:\n        {IMPORT}"),
        ("seed.py", f"from app.gone import x\n{IMPORT}"),
    ],
)
def test_result_that_would_not_import_is_refused(
    path: str, text: str, shop: Path, cofee: Run
) -> None:
    """All hand-written code that needs the module is listed; nothing is written."""
    write(shop, {path: text})
    before = snapshot(shop)

    ran = cofee("remove-module", "customers", "--yes", "-C", shop)

    assert ran.code == 1
    assert f"`{path}` would break: there is no module" in ran.err
    assert "change that line first" in ran.err
    assert snapshot(shop) == before


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".hidden/seed.py", IMPORT),
        ("venv/lib/seed.py", IMPORT),
        ("other/app/seed.py", IMPORT),
        ("seed.py", f"try:\n    {IMPORT}except ImportError:\n    pass\n"),
        ("seed.py", "from app.gone import customers\nfrom .app.modules import customers\n"),
        ("seed.py", "from app.modules.customers.gone import models\n"),
        ("seed.py", f"class {IMPORT}"),
        ("seed.py", f"\0{IMPORT}"),
    ],
)
def test_code_of_others_and_faults_of_before_do_not_count(
    path: str, text: str, shop: Path, cofee: Run
) -> None:
    """Environments, projects inside this one, and what does not work as it is."""
    write(shop, {path: text, "venv/pyvenv.cfg": "", "other/.copier-answers.yml": ""})

    assert cofee("remove-module", "customers", "--yes", "-C", shop).code == 0


def test_a_line_that_comes_new_cannot_be_changed_first(
    shop: Path, template: Path, cofee: Run
) -> None:
    """Its file exists, but what it imports must be restored."""
    name = "template/app/router.py.jinja"
    line = "import app.modules.{{ module.name }}.models\n"
    wide = f"{{% if module.fields | length > 2 %}}\n{line}{{% endif %}}\n{{% endfor %}}\n"
    release(template, "v1.1.0", {name: FILES[name].replace("{% endfor %}\n", wide, 1)})
    assert cofee("update", "-C", shop).code == 0
    (shop / "app/modules/customers").rename(shop / "app/modules/clients")
    edit(shop / "app/router.py", "app.modules.customers import", "app.modules.clients import")

    ran = cofee("add-field", "customers", "email:str:null", "-C", shop)

    assert ran.code == 1
    assert (
        "`app/router.py` would break: there is no module `app.modules.customers.models`" in ran.err
    )
    assert "restore what it imports" in ran.err


def test_a_fault_that_moves_with_its_file_does_not_count(shop: Path, cofee: Run) -> None:
    """Under another name it is the same one."""
    write(shop, {"app/modules/customers/mine.py": "from .gone import x\nfrom .models import y\n"})

    assert cofee("rename-module", "customers", "clients", "-C", shop).code == 0


def test_remove_module_that_others_refer_to_is_refused(shop: Path, cofee: Run) -> None:
    """Who refers is named."""
    cofee("new-module", "orders", "customer:ref:customers", "-C", shop)
    before = snapshot(shop)

    ran = cofee("remove-module", "customers", "-C", shop)

    assert ran.code == 1
    assert "`orders.customer`" in ran.err
    assert snapshot(shop) == before


def test_remove_committed_module_adds_a_dropping_migration(shop: Path, cofee: Run) -> None:
    """A committed migration is history; another migration drops the table."""
    ran = cofee("remove-module", "customers", "-C", shop)

    assert ran.code == 0
    assert not (shop / "app/modules/customers").exists()
    assert "drop" in newest_migration(shop, "drop_customers")
    assert newest_migration(shop, "create_customers")


def test_remove_new_module_removes_its_migration(shop: Path, cofee: Run) -> None:
    """A module that no commit holds leaves nothing."""
    before = snapshot(shop)
    cofee("new-module", "orders", "-C", shop)

    assert cofee("remove-module", "orders", "-C", shop).code == 0

    assert snapshot(shop) == before


def test_removal_of_hand_edits_is_asked_for(shop: Path, cofee: Run) -> None:
    """Without a terminal it is refused, unless `--yes`; hand-written files are kept in any case."""
    edit(shop / "app/modules/customers/service.py", "return LIMIT", "return LIMIT + 1")
    write(shop, {"app/modules/customers/mine.py": "x = 1\n"})
    before = snapshot(shop)

    refused = cofee("remove-module", "customers", "-C", shop)
    unchanged = snapshot(shop)
    done = cofee("remove-module", "customers", "--yes", "-C", shop)

    assert refused.code == 1
    assert "`app/modules/customers/service.py`" in refused.err
    assert unchanged == before
    assert done.code == 0
    assert not (shop / "app/modules/customers/service.py").exists()
    assert (shop / "app/modules/customers/mine.py").exists()


def test_every_change_can_be_undone(shop: Path, cofee: Run) -> None:
    """Byte for byte, one after the other."""
    commands = (
        ["add-field", "customers", "email:str:null"],
        ["change-field", "customers", "age:str"],
        ["rename-field", "customers", "email", "mail"],
        ["remove-field", "customers", "age"],
        ["rename-module", "customers", "clients"],
        ["remove-module", "clients"],
    )
    states = [snapshot(shop)]
    for command in commands:
        assert cofee(*command, "-C", shop).code == 0
        states.append(snapshot(shop))

    for state in reversed(states[:-1]):
        assert cofee("undo", "-C", shop).code == 0
        assert snapshot(shop) == state


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["add-field", "custmers", "a:str"], "did you mean `customers`?"),
        (["add-field", "customers", "name:int"], "`customers` has a field `name` already"),
        (["remove-field", "customers", "nam"], "did you mean `name`?"),
        (["change-field", "customers", "nam:int"], "did you mean `name`?"),
        (["rename-field", "customers", "name", "age"], "`age` occurs twice"),
        (["rename-field", "customers", "name", "class"], "`class`"),
        (["rename-module", "customers", "test"], "`Test` cannot name a class"),
        (["rename-module", "customers", "Customer"], "already the name of the module"),
        (["new-module", "customer", "age:int"], "`cofee add-field customers`"),
        (["add-field", "customers", "a:int", "--backfill", "x"], "`x` must be an integer"),
        (["add-field", "customers", "a:int"], "`a` is required, and existing rows"),
        (["add-field", "customers", "a:ref:customers", "--yes"], "null"),
        (["remove-field", "customers", "age", "age"], "`age` is named twice"),
        (["change-field", "customers", "age:str", "age:int"], "`age` is named twice"),
    ],
)
def test_bad_changes_are_refused(command: list[str], words: str, shop: Path, cofee: Run) -> None:
    """Nothing is written."""
    before = snapshot(shop)

    ran = cofee(*command, "-C", shop)

    assert ran.code == 1
    assert words in ran.err
    assert snapshot(shop) == before


def test_old_names_are_listed_wherever_they_are(shop: Path, cofee: Run) -> None:
    """Attributes in any hand-written file; of a module, the path of its routes too."""
    write(
        shop,
        {
            "scripts/seed.py": f"{IMPORT}Customer.age\n",
            "app/own.py": 'URLS = ["/customers"]\nMINE = f"{URLS}/api/v1/customers/{1}?a=b"\n',
            "app/others.py": '"/customers-of-others"\n"/customerss"\n"the customers"\n',
            "migrations/versions/mine.py": '"""age /customers"""\nrevision, down_revision = 2, 1\n',
        },
    )

    field = cofee("rename-field", "customers", "age", "years", "--json", "--dry-run", "-C", shop)
    module = cofee("rename-module", "customers", "clients", "--json", "--dry-run", "-C", shop)

    assert json.loads(field.out)["mentions"] == ["scripts/seed.py:2: Customer.age"]
    assert json.loads(module.out)["mentions"] == [
        'app/own.py:1: URLS = ["/customers"]',
        'app/own.py:2: MINE = f"{URLS}/api/v1/customers/{1}?a=b"',
    ]


def test_json_lists_mentions_and_warnings(shop: Path, cofee: Run) -> None:
    """A program sees what a person is told."""
    write(shop, {"app/report.py": "x.age = 1\n"})

    ran = cofee("rename-field", "customers", "age", "years", "--json", "-C", shop)

    document = json.loads(ran.out)
    assert document["mentions"] == ["app/report.py:1: x.age = 1"]
    assert document["written"] is True


def test_uses_of_a_removed_field_are_listed(shop: Path, cofee: Run) -> None:
    """Of the module's class and in its directory; generated lines and other classes are not."""
    write(
        shop,
        {
            "app/report.py": "from app.modules.customers.models import Customer\n\n"
            "AGE = Customer.age\nadult = dict(age=18)\nages = 1\n",
            "app/modules/customers/own.py": 'KEYS = ["name", "age"]\n',
            "app/wine.py": "wine.age = 1\n",
        },
    )

    ran = cofee("remove-field", "customers", "age", "--yes", "--dry-run", "-C", shop)
    document = cofee("remove-field", "customers", "age", "--yes", "--json", "-C", shop)

    assert "uses of removed names:\n" in ran.err
    assert json.loads(document.out)["mentions"] == [
        'app/modules/customers/own.py:1: KEYS = ["name", "age"]',
        "app/report.py:3: AGE = Customer.age",
        "app/report.py:4: adult = dict(age=18)",
    ]


CHECKS = """\
_cofee_verify:
  - >-
    python3 -c "import sys; text = open('app/modules/customers/models.py').read();
    sys.exit('there is an email' if 'email' in text else 0)"
"""


def test_verify_takes_back_what_breaks_the_checks(shop: Path, template: Path, cofee: Run) -> None:
    """What was green and would be red is as it was; what was red already does not count."""
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + CHECKS})
    cofee("update", "-C", shop)
    before = snapshot(shop)

    broken = cofee("add-field", "customers", "email:str:null", "--verify", "-C", shop)
    after = snapshot(shop)
    harmless = cofee("add-field", "customers", "other:str:null", "--verify", "-C", shop)
    cofee("add-field", "customers", "email:str:null", "-C", shop)
    still_red = cofee("add-field", "customers", "more:str:null", "--verify", "-C", shop)

    assert broken.code == 1
    assert "passed before the change and failed after it" in broken.err
    assert "\nthere is an email\n" in broken.err
    assert after == before
    assert harmless.code == 0
    assert still_red.code == 0


TESTED = """\
_cofee_verify:
  - sh -c 'echo "$@" >> ../ran' sh tests/{module}
"""


@pytest.mark.parametrize(
    ("command", "tested"),
    [
        (["add-field", "customers", "email:str:null"], "tests/customers tests/orders"),
        (["change-module", "tags", "--hard-delete"], "tests/tags"),
        (["remove-module", "tags"], ""),
        (["rename-module", "tags", "labels"], ""),
        (["new-module", "notes"], ""),
        (["set", "ci=none"], ""),
    ],
)
def test_verify_runs_the_tests_that_a_change_can_break(
    command: list[str], tested: str, shop: Path, template: Path, cofee: Run
) -> None:
    """Those of the module and its neighbours; all, where modules come or go or options change."""
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + TESTED})
    cofee("update", "-C", shop)
    cofee("new-module", "orders", "customer:ref:customers", "-C", shop)
    cofee("new-module", "tags", "name:str", "-C", shop)

    ran = cofee(*command, "--verify", "-C", shop)

    assert ran.code == 0, ran.err
    assert (shop.parent / "ran").read_text() == f"{tested}\n" * 2
