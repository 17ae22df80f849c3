"""Generated services are green: their own tests, lint, types and migrations, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generated import REPOSITORY, environment, make_service, run, snapshot_template

pytestmark = pytest.mark.service

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yml"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it stands, as a release."""
    return snapshot_template(tmp_path_factory.mktemp("snapshot") / "template")


@pytest.fixture(scope="session")
def programs(template: Path) -> Path:
    """The one environment of all generated services."""
    return environment(template)


def case(name: str) -> Mapping[str, Any]:
    """Return the answers of an example."""
    answers: Mapping[str, Any] = yaml.safe_load((REPOSITORY / "examples" / name).read_text())
    return answers


# Measuring what so many modules cover takes longer than their tests, and they are covered alike.
MANY = ("chinook", "coffee", "tracker")
CASES: dict[str, Mapping[str, Any]] = {
    "default": {},
    "sqlite": {"database": "sqlite", "ci": "gitlab"},
    "no users": {"auth": "none"},
    "projects": {"isolation": "project", "database": "sqlite"},
    "empty module": {
        "auth": "none",
        "ci": "none",
        "modules": [{"name": "notes", "entity": "Note", "fields": []}],
    },
    **{example.stem: case(example.name) for example in EXAMPLES},
}


@pytest.mark.parametrize("name", CASES)
def test_is_green(name: str, template: Path, programs: Path, tmp_path: Path) -> None:
    """Tests with 95 % coverage, ruff, mypy and `alembic check` pass out of the box."""
    project = make_service(template, tmp_path / "service", CASES[name])

    run(project, programs, "poe", "test" if name in MANY else "coverage")
    run(project, programs, "poe", "check")
    run(project, programs, "ruff", "check", "--target-version", "py314")


def test_same_tests_pass_on_sqlite(template: Path, programs: Path, tmp_path: Path) -> None:
    """One suite for both databases: here with rows of every owner, elsewhere with every type."""
    project = make_service(template, tmp_path / "service", case("tracker.yml"))

    run(project, programs, "poe", "test-sqlite")
