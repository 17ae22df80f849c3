"""A service whose modules get other rules by commands stays green, and comes back by undo."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run, snapshot
from tests.generated import check_types, environment, make_service, run, snapshot_template
from tests.judging import EACH_RISK, Judge
from tests.strategies import Record

pytestmark = pytest.mark.service

PRICE: Record = {"type": "decimal", "precision": 9, "scale": 2}
MODULES: list[Record] = [
    {"name": "sellers", "entity": "Seller", "fields": [{"name": "name", "type": "str"}]},
    {
        "name": "offers",
        "entity": "Offer",
        "fields": [
            {"name": "title", "type": "str", "sort": True},
            {"name": "price", "filter": True, "sort": True, **PRICE},
            {"name": "cost", **PRICE, "nullable": True},
            {"name": "seller", "type": "ref", "to": "sellers"},
        ],
    },
]
COMMANDS: list[list[str]] = [
    [
        *("change-module", "offers", "--unique-together", "title,seller", "--index", "cost,price"),
        *("--unique-together", "seller:where=price > cost"),
        *("--check", "price >= cost", "--search", "title", "--version-column"),
    ],
    ["rename-field", "offers", "cost", "order"],
    ["add-field", "offers", "code:str:null:unique"],
    ["change-module", "offers", "--hard-delete", "--only", "list,read,update", "--index", ""],
    ["change-module", "sellers", "--hard-delete", "--version-column"],
    ["rename-module", "offers", "deals"],
    ["change-field", "deals", "price:decimal:12.2:filter:sort"],
    ["change-module", "deals", "--soft-delete", "--only", "all", "--no-version-column"],
]
# After these the service is looked at as a whole by `--every-cell`; without it at the end.
LOOKED_AT = (0, 4, 7)


def test_rules_change_and_the_service_stays_green(
    tmp_path: Path, cofee: Run, judge: Judge, request: pytest.FixtureRequest
) -> None:
    """Its lint, its types and its own tests, migrations up and down among them."""
    template = snapshot_template(tmp_path / "template")
    programs = environment(template)
    service = make_service(template, tmp_path / "offers", {"auth": "none", "modules": MODULES})
    states = [sources(service)]
    looked_at = LOOKED_AT if request.config.getoption("every_cell") else LOOKED_AT[-1:]
    for number, command in enumerate(COMMANDS):
        ran = cofee(*command, "-C", service)

        assert ran.code == 0, ran.err
        states.append(sources(service))
        if number in looked_at:
            run(service, programs, "ruff", "check")
            run(service, programs, "ruff", "format", "--check")
            places = ("tests/modules", "tests/db/test_migrations.py")
            assert judge.complaint(service, *places, *EACH_RISK) == ""

    check_types(service, programs)
    for state in reversed(states[:-1]):
        assert cofee("undo", "-C", service).code == 0
        assert sources(service) == state


def sources(service: Path) -> dict[str, bytes]:
    """Return the files of a service, without those that tools write."""
    left = ("cache", ".sqlite3", ".coverage")
    return {
        path: text
        for path, text in snapshot(service).items()
        if not any(one in path for one in left)
    }
