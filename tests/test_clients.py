"""`cofee new-client` and `cofee remove-client`: clients of other services come and go."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Run, snapshot
from tests.generated import (
    REPOSITORY,
    check_types,
    environment,
    make_service,
    run,
    snapshot_template,
)
from tests.judging import Judge

LONGEST = "a_service_of_a_long_name1"


def recorded(root: Path) -> dict[str, Any]:
    """Return the answers of a service."""
    found: dict[str, Any] = yaml.safe_load((root / ".copier-answers.yml").read_text())
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in the working tree, as a release."""
    return snapshot_template(tmp_path_factory.mktemp("clients") / "template")


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service that calls no other."""
    return make_service(template, tmp_path_factory.mktemp("made") / "shop", {"auth": "none"})


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    """A copy of that service."""
    return Path(shutil.copytree(made, tmp_path / "shop"))


def test_clients_come_and_go_byte_for_byte(shop: Path, cofee: Run) -> None:
    before = snapshot(shop)

    for name in ("billing", "TaxRates"):
        assert cofee("new-client", name, "-C", shop).code == 0
    assert recorded(shop)["clients"] == ["billing", "tax_rates"]
    assert "BILLING_URL=\nBILLING_TOKEN=\n" in (shop / ".env.example").read_text()
    assert "class TaxRatesClient(" in (shop / "app/infrastructure/clients/tax_rates.py").read_text()

    assert cofee("remove-client", "billing", "-C", shop).code == 0
    assert not (shop / "app/infrastructure/clients/billing.py").exists()
    assert cofee("undo", "-C", shop).code == 0
    assert recorded(shop)["clients"] == ["billing", "tax_rates"]
    for name in ("billing", "tax-rates"):
        assert cofee("remove-client", name, "-C", shop).code == 0

    assert snapshot(shop) == before


def test_new_service_has_the_clients_of_its_data_file(template: Path, cofee: Run) -> None:
    new = ("new", "coffee", "--template", template, "--trust", "--defaults", "--data-file")

    made = cofee(*new, REPOSITORY / "examples/coffee.yml", "--dry-run")

    assert made.code == 0, made.err
    assert "app/infrastructure/clients/speech.py" in made.err


@pytest.mark.parametrize(
    ("clients", "message"),
    [
        ("speech", "`clients` must be a list of names, not `speech`"),
        ("[base]", "`base` cannot name a client"),
        ("[speech, Speech]", "`clients` must be a list of different names"),
    ],
)
def test_wrong_clients_of_a_new_service_are_refused(
    template: Path, tmp_path: Path, cofee: Run, clients: str, message: str
) -> None:
    new = ("new", tmp_path / "shop", "--template", template, "--trust", "--defaults")

    refused = cofee(*new, "--data", f"clients={clients}")

    assert (refused.code, message in " ".join(refused.err.split())) == (1, True), refused.err
    assert not (tmp_path / "shop").exists()


def test_edits_of_a_client_are_not_removed_without_asking(shop: Path, cofee: Run) -> None:
    assert cofee("new-client", "billing", "-C", shop).code == 0
    client = shop / "app/infrastructure/clients/billing.py"
    client.write_text(client.read_text() + "\n\nMINE = 1\n")
    before = snapshot(shop)

    refused = cofee("remove-client", "billing", "-C", shop)

    assert refused.code != 0
    assert "MINE = 1" in refused.err
    assert snapshot(shop) == before


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        ("new-client", "redis", "`redis` cannot name a client: it is the beginning of another"),
        ("new-client", "class", "`class` cannot name a client: it is a Python keyword"),
        ("new-client", "a/b", "`a/b` is a path; it must be a name"),
        ("new-client", LONGEST + "x", "is longer than 25 characters"),
        ("new-client", "Billing", "the client `billing` exists already"),
        ("remove-client", "biling", "there is no client `biling`"),
    ],
)
def test_other_names_are_refused(
    shop: Path, cofee: Run, command: str, name: str, message: str
) -> None:
    assert cofee("new-client", "billing", "-C", shop).code == 0
    before = snapshot(shop)

    refused = cofee(command, name, "-C", shop)

    assert refused.code == 1
    assert message in refused.err
    assert "hint:" in refused.err
    assert snapshot(shop) == before


def test_no_client_can_hide_another_setting() -> None:
    """The names of settings that end as those of clients do are reserved."""
    facts = yaml.safe_load((REPOSITORY / "macros/facts.yml").read_text())
    reserved = {name for names in facts["reserved"]["clients"].values() for name in names}
    setting = re.compile(r"^    (\w+)_(?:url|token): ", re.MULTILINE)
    texts = [path.read_text() for path in (REPOSITORY / "template/app").rglob("*.py")]
    names = {name for text in texts if "BaseSettings" in text for name in setting.findall(text)}

    assert {"redis", "metrics"} <= names <= reserved


def test_service_with_clients_is_green(template: Path, tmp_path: Path, judge: Judge) -> None:
    """Its tests call a real server that fails, stalls and recovers."""
    programs = environment(template)
    data = {"auth": "none", "clients": ["billing", LONGEST, "s3"]}
    project = make_service(template, tmp_path / "service", data)

    assert judge.complaint(project, "tests/infrastructure/clients", variables={}) == ""
    run(project, programs, "ruff", "check")
    run(project, programs, "ruff", "format", "--check")
    check_types(project, programs)
