"""A service with every type and every modifier passes its own tests on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.every import every_module, owned_modules
from tests.generated import DATABASES, environment, make_service, run, snapshot_template

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The service, and the environment that it runs in; its rows are everybody's or somebody's."""
    root = tmp_path_factory.mktemp("every")
    template = snapshot_template(root / "template")
    data: dict[str, object] = {"auth": "none", "modules": every_module()}
    if request.param == "owned":
        data = {"isolation": "project", "modules": owned_modules()}
    return make_service(template, root / "every", data), environment(template)


# Owned rows are on SQLite in the tests of an example, and of every command.
@pytest.mark.parametrize(
    ("project", "database"),
    [("everybody's", "postgresql"), ("everybody's", "sqlite"), ("owned", "postgresql")],
    indirect=["project"],
)
def test_every_type_works(project: tuple[Path, Path], database: str) -> None:
    """Create, read, list, change, delete and every refusal, for each type with each modifier."""
    folder, programs = project
    run(folder, programs, "pytest", "-q", "tests/modules", "tests/db", **DATABASES[database])


@pytest.mark.parametrize("project", ["everybody's", "owned"], indirect=True)
def test_every_type_is_clean(project: tuple[Path, Path]) -> None:
    """The linter with the service's own rules, the formatter and the type checker are content."""
    run(*project, "ruff", "format", "--check")
    run(*project, "ruff", "check")
    run(*project, "mypy")
