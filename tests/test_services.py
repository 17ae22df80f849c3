"""Generated services pass their own tests, lint, types and migrations, on both databases.

One service has every type, modifier, rule and owner. The examples are checked for what differs from
it, and the options by `test_option_pairs.py`. What the template itself brings is the same in all
services, and runs with the default one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cofee.commands.check import sources
from cofee.source.architecture import findings
from tests import cyclic, every, ruled, sampled
from tests.generated import (
    DATABASES,
    EXAMPLES,
    check_types,
    make_service,
    run,
)
from tests.judging import EACH_RISK, Judge
from tests.planted import rules
from tests.released import programs, template

__all__ = ["programs", "template"]  # pytest finds the fixtures by their names

pytestmark = pytest.mark.service


def require_tidy(project: Path, programs: Path) -> None:
    """Run the linter with the service's own rules, and the formatter."""
    run(project, programs, "ruff", "format", "--check")
    run(project, programs, "ruff", "check")
    run(project, programs, "ruff", "check", "--target-version", "py314")


# Everything in one service


@pytest.fixture(scope="module")
def everything(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with all modules, users, a provider and projects, and tests of module pairs."""
    return with_everything(template, tmp_path_factory.mktemp("everything") / "service")


@pytest.fixture(scope="module")
def everything_of_sqlmodel(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same service with models of SQLModel."""
    folder = tmp_path_factory.mktemp("everything-of-sqlmodel") / "service"
    return with_everything(template, folder, orm="sqlmodel")


def with_everything(template: Path, folder: Path, **more: str) -> Path:
    """Make a service with all modules and parts of the database, and its tests."""
    once = [{**one, "idempotent": one["name"] in ("accounts", "steps")} for one in ruled.MODULES]
    options = {
        **more,
        "auth": "oauth",
        "isolation": "project",
        "tasks": "dramatiq",
        "modules": [*every.everything(), *once, *cyclic.cycles()],
        "user_fields": every.OPTIONAL_OF_USERS,
    }
    project = make_service(template, folder, options)
    for name, text in {"together": ruled.BEHAVIOUR, "cycles": cyclic.BY_HAND}.items():
        (project / f"tests/modules/test_{name}.py").write_text(text.lstrip())
    add_sample_tests(project)
    return project


def add_sample_tests(project: Path) -> None:
    """Add tests of the sample values of all modules."""
    (project / "tests/modules/test_samples.py").write_text(sampled.VALUES.lstrip())


# What modules are, and what follows from it; what no module changes runs with the default service.
OF_ALL_SERVICES = ("base", "keyset", "postgresql", "purge", "session", "types", "violations")
# Tables come and go before PostgreSQL keeps the plans of thousands of statements, which it would
# look through for each of them.
MODULE_TESTS = (
    *("tests/db", "tests/modules"),
    *(f"--ignore=tests/db/test_{name}.py" for name in OF_ALL_SERVICES),
)
# What a database stores, compares, orders and refuses is its own; all else is the same on both.
STORED = (
    "migration or created_row or patch_changes or taken or filter or range or pages_follow"
    " or come_last or search or together or cycle"
)
# Users are those of the default service, except for their deletion and the fields that they have in
# addition, and projects those of the option.
OWN = "not (auth or (users and not (deletion or test_fields)) or projects or jobs)"


@pytest.mark.parametrize(
    ("service", "database", "tests"),
    [
        ("everything", "postgresql", OWN),
        ("everything_of_sqlmodel", "sqlite", f"({STORED}) and {OWN}"),
    ],
)
def test_everything_works(
    service: str, judge: Judge, database: str, tests: str, request: pytest.FixtureRequest
) -> None:
    """Generated tests pass: each type with each modifier, each rule, each owner.

    Of those that meet the same risk one is run, on SQLite with models of SQLModel; `--every-cell`
    runs all, on both databases.
    """
    everything: Path = request.getfixturevalue(service)
    every_cell = request.config.getoption("every_cell")
    chosen = ("-k", OWN) if every_cell else ("-k", tests, *EACH_RISK)
    complaint = judge.complaint(everything, *MODULE_TESTS, *chosen, variables=DATABASES[database])
    assert complaint == ""


def test_everything_is_clean(everything: Path, programs: Path) -> None:
    """Lint, format and types are clean."""
    require_tidy(everything, programs)
    check_types(everything, programs)


# Options and examples


def test_default_service_passes_its_own_ci(template: Path, programs: Path, tmp_path: Path) -> None:
    """What `poe ci` runs passes out of the box: checks, 95 % coverage on PostgreSQL.

    The same tests on SQLite are those of `test_option_pairs.py` and of the service with everything.
    """
    project = make_service(template, tmp_path / "service", {})

    planned = run(project, programs, "poe", "--dry-run", "ci")

    assert re.findall(r"pytest.*", planned) == ["pytest --cov", "pytest"]
    check_types(project, programs, "poe", "check")
    run(project, programs, "poe", "coverage")


# The examples that are no public schemas.
OWN_EXAMPLES = ("coffee", "idea", "neon", "shop", "todo", "tracker")
# What depends on the values of an example, which alone are its own.
OF_VALUES = "sample_values or created_row"


def value_tests(example: Mapping[str, Any]) -> list[str]:
    """Return where the values of an example are tested: by rows too where checks compare them."""
    checked = [module["name"] for module in example["modules"] if "checks" in module]
    return ["tests/modules/test_samples.py", *(f"tests/modules/{name}" for name in checked)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_green(
    name: str,
    template: Path,
    programs: Path,
    judge: Judge,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Its values are valid, invalid and distinct as its tests expect; `--every-cell` runs all.

    Those of public schemas are only clean by default: their types and rules are those of others.
    """
    project = make_service(template, tmp_path / "service", EXAMPLES[name])
    add_sample_tests(project)
    if request.config.getoption("every_cell"):
        assert judge.complaint(project, *MODULE_TESTS) == ""
    elif name in OWN_EXAMPLES:
        places = value_tests(EXAMPLES[name])
        assert judge.complaint(project, *places, "-k", OF_VALUES) == ""
    require_tidy(project, programs)
    assert findings(sources(project), rules()) == []


def test_no_file_is_left_of_rules_that_no_module_has(template: Path, tmp_path: Path) -> None:
    """What only a rule needs comes with the first module that has the rule."""
    notes = {"name": "notes", "entity": "Note", "fields": [{"name": "text", "type": "str"}]}
    plain = make_service(template, tmp_path / "plain", {"modules": [notes]})

    for name in ("app/db/removal.py", "app/db/search.py", "tests/contract/routes.py"):
        assert not (plain / name).exists()
