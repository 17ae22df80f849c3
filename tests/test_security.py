"""A service with every type and every relation reveals nothing, for any request."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import requests

from tests.every import fuzzed_modules
from tests.generated import (
    REPOSITORY,
    environment,
    lift_limits,
    make_service,
    run,
    serving,
    snapshot_template,
)
from tests.strategies import Record
from tests.visitors import register, sign_in

pytestmark = pytest.mark.service

PROGRAMS = Path(sys.executable).parent
# Besides the answer's own form: what was deleted is gone, and 405 tells the methods that there are.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,"
    "use_after_free,unsupported_method,allow_header_conformance"
)
OPTIONS = ("--seed=1", f"--checks={CHECKS}", "--warnings=off", "--no-color")
CONFIGURATION = f"--config-file={REPOSITORY / 'tests/schemathesis.toml'}"
HOOKS = {"SCHEMATHESIS_HOOKS": "tests.fuzzing", "PYTHONPATH": str(REPOSITORY)}
# The rows that refer to another are there for few others, and nothing drawn finds those. Of what
# can only be read there is no row. Users who sign in, and other users, are not drawn.
SELDOM = re.compile(
    r"/by-([ab]-one|twin|before|near)$|/read-only/{read_only_id}|/api/v1/(auth|users)/|/members|/users$"
)
# What only the service itself decides.
OWN = {"id", "created_at", "updated_at", "is_deleted", "user_id", "project_id", "role"}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The template of the working tree, and the environment of its services."""
    template = snapshot_template(tmp_path_factory.mktemp("security") / "template")
    return template, environment(template)


def service(programs: tuple[Path, Path], target: Path, database: str, auth: str) -> Path:
    """Make a service with every type and relation, whose rows are a user's or a project's."""
    options = {"database": database, "auth": auth, "isolation": "project"}
    return make_service(programs[0], target, {**options, "modules": fuzzed_modules()})


@pytest.mark.parametrize(
    ("database", "auth", "modules"),
    [("postgresql", "oauth", fuzzed_modules), ("sqlite", "jwt", list)],
    ids=["PostgreSQL", "SQLite"],
)
def test_bandit_finds_nothing(
    database: str,
    auth: str,
    modules: Callable[[], list[Record]],
    programs: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    """In what is deployed nothing at all; elsewhere nothing but programs being run, and asserts.

    Modules are the same on both databases.
    """
    answers = {"database": database, "auth": auth, "isolation": "project", "modules": modules()}
    project = make_service(programs[0], tmp_path / "every", answers)

    deployed = [".", "--configfile=pyproject.toml"]
    for options in (
        deployed,
        ["dev", "--skip=B404,B603"],
        ["tests", "--skip=B101,B105,B106,B404,B603,B608"],
    ):
        command: list[str | Path] = [PROGRAMS / "bandit", "--quiet", "--recursive", *options]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_request_breaks_it(
    programs: tuple[Path, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Hundreds of requests drawn from the OpenAPI document, good ones and bad ones, find no server
    error and no answer that the document does not know; and every operation on rows has succeeded.

    The rows have no owner, or belong to a user or a project; the client is signed in.
    `--every-cell` draws thousands. A push draws them for the example coffee alone.
    """
    if not request.config.getoption("every_cell"):
        pytest.skip("test_coffee.py draws requests for a service with most parts")
    more = ["--max-examples=9"]
    project, log = service(programs, tmp_path / "every", "postgresql", "jwt"), tmp_path / "log"
    lift_limits(project)
    with serving(project, programs[1], log) as url:
        given = signed_in(url)
        done = subprocess.run(
            [
                *(PROGRAMS / "schemathesis", CONFIGURATION, "run", f"{url}/openapi.json"),
                *(*OPTIONS, *more, f"--header=Authorization: {given['FUZZED_BY']}"),
            ],
            cwd=tmp_path,
            env={**os.environ, **given, "FUZZED_SERVICE": url, **HOOKS},
            capture_output=True,
            text=True,
            check=False,
        )
        document = json.load(urlopen(f"{url}/openapi.json"))  # noqa: S310  # our own address

    assert done.returncode == 0, done.stdout + done.stderr
    failed = [one for one in never_succeeded(document, log) if not SELDOM.search(one)]
    assert failed == []


def signed_in(url: str) -> dict[str, str]:
    """Register a user with a project; return the environment that sends requests as this user."""
    api = f"{url}/api/v1"
    register(api).raise_for_status()
    bearer = f"Bearer {sign_in(api).json()['access_token']}"
    made = requests.post(
        f"{api}/projects",
        json={"name": "Apollo"},
        headers={"Authorization": bearer},
        timeout=9,
    )
    return {"FUZZED_BY": bearer, "FUZZED_PROJECT": made.json()["id"]}


def never_succeeded(document: Any, log: Path) -> list[str]:
    """Return the operations that no request brought to a good end, from the service's own log."""
    lines = [json.loads(line) for line in log.read_text().split("\n") if line.startswith("{")]
    requests = [line for line in lines if line["message"] == "request" and line["status"] < 300]
    done = [(line["method"], line["path"]) for line in requests]
    return [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if not any(
            method.upper() == verb and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), asked)
            for verb, asked in done
        )
    ]


def test_no_body_sets_what_is_not_its_to_set(programs: tuple[Path, Path], tmp_path: Path) -> None:
    """Every body refuses what it does not name, and none names what the service decides."""
    project = service(programs, tmp_path / "every", "sqlite", "jwt")
    print_it = "import json; from app.main import app; print(json.dumps(app.openapi()))"
    nowhere = "sqlite+aiosqlite:///nowhere"
    document = json.loads(run(project, programs[1], "python", "-c", print_it, DATABASE_URL=nowhere))
    entities = {one["entity"] for one in fuzzed_modules() if "routes" not in one}

    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if "requestBody" in operation and not re.match(r"/api/v1/(auth|users)", path)
    ]
    rows = [name for name in bodies if re.sub("(Create|Update)$", "", name) in entities]
    schemas = document["components"]["schemas"]

    assert len(rows) == 3 * len(entities)
    assert all(schemas[name]["additionalProperties"] is False for name in bodies)
    assert [name for name in rows if OWN & schemas[name]["properties"].keys()] == []
