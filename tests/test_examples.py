"""The examples that are whole back ends: made by one command, updated, tested and served."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from tests.conftest import Run
from tests.generated import (
    REPOSITORY,
    environment,
    lift_limits,
    run,
    serving,
    snapshot_template,
)
from tests.tiny import release

pytestmark = pytest.mark.service

BACK_ENDS = ("coffee", "neon", "idea", "todo")
SERVICE = (
    "template/app/modules/{% yield module from views %}{{ module.name }}{% endyield %}"
    "/service.py.jinja"
)
OLD, NEW = 'business logic."""', 'rules."""'


@pytest.mark.parametrize("name", BACK_ENDS)
def test_a_back_end_is_made_updated_tested_and_served(
    name: str, tmp_path: Path, cofee: Run, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("every_cell"):
        pytest.skip("each of its parts is tested in another service")
    example = REPOSITORY / f"examples/{name}.yml"
    modules = [module["name"] for module in yaml.safe_load(example.read_text())["modules"]]
    template, service = snapshot_template(tmp_path / "template"), tmp_path / "service"
    made = cofee("new", service, "--template", template, "--data-file", example, "--defaults",
        "--trust")  # fmt: skip
    assert made.code == 0, made.err

    text = (template / SERVICE).read_text()
    release(template, "v0.2.0", {SERVICE: text.replace(OLD, NEW)})
    updated = cofee("update", "-C", service)

    assert updated.code == 0, updated.err
    for module in modules:
        assert NEW in (service / f"app/modules/{module}/service.py").read_text()
    checked = cofee("check", "-C", service)
    assert checked.code == 0, checked.out
    lift_limits(service)
    programs = environment(template)
    run(service, programs, "poe", "test", "-q")
    with (
        serving(service, programs, tmp_path / "served.log", "--serve") as address,
        urlopen(f"{address}/openapi.json") as response,  # noqa: S310  # our own address
    ):
        paths = json.load(response)["paths"]
    for module in modules:
        assert any(module.replace("_", "-") in path for path in paths), module
