"""Projects are an option too: whole where they are on, nothing where they are off or cannot be."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_copy

from tests.conftest import Run, snapshot
from tests.generated import DATABASES, REPOSITORY, environment, make_service, run, snapshot_template
from tests.judging import Judge
from tests.test_auth import NOTE, answers, before_the_question, rendered, sources, update_takes_none

OF_PROJECTS = re.compile(r"modules.projects|project.(id|members)|ReadableProject|isolation[:=]")
NEEDS_USERS = "`isolation: project` needs users"
# Two owners leave a project at once, each in a separate transaction.
RACE = '''
"""What only two transactions can show."""

import asyncio
import uuid

import pytest
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from app.modules.projects.models import Member, Project
from app.modules.projects.schemas import MemberUpdate
from app.modules.projects.service import MemberService
from app.modules.users.models import User


@pytest.mark.parametrize("leaves", [True, False])
async def test_two_owners_cannot_go_at_once(engine: AsyncEngine, leaves: bool) -> None:
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    project, addresses = Project(name="Apollo"), [f"{uuid.uuid4()}@example.com" for _ in "ab"]
    users = [User(email=email, name="Ann", password_hash="") for email in addresses]
    async with sessions.begin() as session:
        session.add_all([project, *users])
        await session.flush()
        owners = [Member(project_id=project.id, user_id=user.id, role="owner") for user in users]
        session.add_all(owners)

    async def go(user: User) -> int:
        async with sessions.begin() as session:
            service = MemberService(session)
            try:
                if leaves:
                    await service.delete(project.id, user.id, user.id)
                else:
                    await service.update(project.id, user.id, MemberUpdate(role="viewer"))
            except HTTPException as error:
                return error.status_code
        return 200

    assert sorted(await asyncio.gather(*map(go, users))) == [200, 409]
'''


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree, released as v0.1.0."""
    return snapshot_template(tmp_path_factory.mktemp("projects") / "template")


def test_without_projects_nothing_of_them_is_left(released: Path) -> None:
    with_projects = rendered(released, {"isolation": "project"})
    without = rendered(released, {})

    changed = {path for path in without if without[path] != with_projects[path]}
    assert changed == {
        *(".copier-answers.yml", "AGENTS.md", "README.md"),
        *("app/api/v1/router.py", "app/modules/__init__.py"),
    }
    for path in without.keys() - {".copier-answers.yml"}:
        lines = without[path].content.decode().splitlines()
        assert [line for line in lines if OF_PROJECTS.search(line)] == [], path


def test_projects_has_the_six_files_of_a_module(released: Path) -> None:
    tree = rendered(released, {"isolation": "project"})

    folder = "app/modules/projects/"
    assert {path.removeprefix(folder) for path in tree if path.startswith(folder)} == {
        *("__init__.py", "models.py", "repository.py", "router.py", "schemas.py", "service.py"),
    }
    assert "app/infrastructure/projects.py" in tree


def test_modules_alone_bring_no_projects(released: Path) -> None:
    options = {"auth": "jwt", "isolation": "project"}
    tree = rendered(released, {"kind": "module", **options, "modules": [NOTE]})

    assert [path for path in tree if "project" in path] == []
    assert [path for path in tree if "/versions/" in path] != []


def test_projects_without_users_are_refused(released: Path, tmp_path: Path, cofee: Run) -> None:
    """In one sentence that names the command; `cofee set` does both at once."""
    given = {"auth": "none", "isolation": "project"}
    pairs = [word for key, value in given.items() for word in ("--data", f"{key}={value}")]
    service = make_service(released, tmp_path / "service", {"auth": "none"})
    before = snapshot(service)

    new = cofee("new", tmp_path / "ours", "--template", released, "--defaults", "--trust", *pairs)
    set_alone = cofee("set", "isolation=project", "-C", service)

    for refused in (new, set_alone):
        words = " ".join(refused.err.split())
        assert refused.code == 1
        assert NEEDS_USERS in words
        assert "`cofee set auth=jwt isolation=project`" in words
    assert snapshot(service) == before
    with pytest.raises(ValueError, match=NEEDS_USERS):
        run_copy(str(released), tmp_path / "theirs", data=given, defaults=True, skip_tasks=True)


def test_an_older_service_goes_on_without_projects(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    """The answer is `none`, and no other file changes."""
    template = shutil.copytree(released, tmp_path / "template")
    shop = make_service(template, tmp_path / "shop", {"modules": [NOTE]})
    before = before_the_question("isolation", shop)

    after = update_takes_none("isolation", shop, template, cofee)

    changed = {path for path, content in after.items() if before.get(path) != content}
    assert changed == {"NEWS.md", ".copier-answers.yml"}


@pytest.mark.parametrize(
    ("key", "name"),
    [("name", name) for name in ("projects", "project_members", "members")]
    + [("entity", name) for name in ("Project", "Member")],
)
def test_what_projects_need_is_taken(
    released: Path, tmp_path: Path, cofee: Run, key: str, name: str
) -> None:
    module = {**NOTE, key: name}
    given = {"isolation": "project", "modules": [module]}
    data = tmp_path / "data.yml"
    data.write_text(yaml.safe_dump(given))
    options = ("--template", released, "--defaults", "--trust", "--data-file", data)

    refused = cofee("new", tmp_path / "ours", *options)

    sentence = f"the name `{name}` is taken by `isolation: project`"
    assert refused.code == 1
    assert sentence in " ".join(refused.err.split())
    with pytest.raises(ValueError, match=sentence):
        run_copy(str(released), tmp_path / "theirs", data=given, defaults=True, skip_tasks=True)
    assert rendered(released, {"modules": [module]})


def test_a_service_with_projects_gets_modules(released: Path, tmp_path: Path, cofee: Run) -> None:
    """On top of the projects' migration, and not in the place of the projects."""
    service = make_service(released, tmp_path / "service", {"isolation": "project"})

    for arguments, words in (
        (["projects"], "exists already"),
        (["members"], "exists already"),
        (["members", "--entity", "Person"], "taken by `isolation: project`"),
        (["project-members"], "exists already"),
    ):
        refused = cofee("new-module", *arguments, "title:str", "-C", service)
        assert (refused.code, words in " ".join(refused.err.split())) == (1, True), refused.err
    referring = cofee("new-module", "notes", "owner:ref:projects", "-C", service)
    assert "the projects of `isolation: project`" in " ".join(referring.err.split())
    assert cofee("new-module", "notes", "text:str", "-C", service).code == 0

    (projects,) = (service / "migrations/versions").glob("*_create_projects.py")
    (notes,) = (service / "migrations/versions").glob("*_create_notes.py")
    found = re.search(r'^revision: str = (".*")$', projects.read_text(), re.MULTILINE)
    assert found is not None
    assert f"down_revision: str | None = {found[1]}" in notes.read_text()


def test_a_service_with_such_a_module_gets_no_projects(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    service = make_service(
        released, tmp_path / "service", {"modules": [{**NOTE, "name": "projects"}]}
    )
    before = snapshot(service)

    refused = cofee("set", "isolation=project", "-C", service)

    assert refused.code == 1
    assert "the name `projects` is taken" in " ".join(refused.err.split())
    assert snapshot(service) == before


CHANGES: list[tuple[dict[str, str], dict[str, str], str]] = [
    ({"auth": "jwt"}, {"isolation": "project"}, "isolation_project"),
    ({"auth": "none"}, {"auth": "jwt", "isolation": "project"}, "auth_jwt_isolation_project"),
    ({"auth": "oauth"}, {"auth": "jwt", "isolation": "project"}, "auth_jwt_isolation_project"),
    (
        {"auth": "oauth", "isolation": "project"},
        {"auth": "none", "isolation": "none"},
        "auth_none_isolation_none",
    ),
]


@pytest.mark.service
@pytest.mark.parametrize(("before", "after", "slug"), CHANGES)
def test_projects_can_come_and_go_later(
    released: Path,
    tmp_path: Path,
    cofee: Run,
    judge: Judge,
    before: dict[str, str],
    after: dict[str, str],
    slug: str,
) -> None:
    """One command with one migration; the opposite leaves the tree as it was, migrations apart."""
    project = make_service(released, tmp_path / "service", {**before, "modules": [NOTE]})
    first = snapshot(project)
    opposite: dict[str, str] = {"isolation": "none"} | before

    changed = cofee("set", *pairs(after), "--yes", "-C", project)

    assert changed.code == 0, changed.err
    (made,) = (project / "migrations/versions").glob(f"*_set_{slug}.py")
    programs = environment(released)
    makes_all = before["auth"] == "none"  # each table, so on both databases
    for database in DATABASES if makes_all else ["sqlite"]:
        tests, variables = "tests/db/test_migrations.py", DATABASES[database]
        assert judge.complaint(project, tests, variables=variables) == ""
    run(project, programs, "ruff", "check")
    run(project, programs, "ruff", "format", "--check", "migrations")

    back = cofee("set", *pairs({key: opposite[key] for key in after}), "--yes", "-C", project)
    assert back.code == 0, back.err
    for path in (project / "migrations/versions").glob("*_set_*.py"):
        path.unlink()
    assert not made.exists()
    assert sources(project) == {path: first[path] for path in sources(project)}
    assert first.keys() == sources(project).keys()


def pairs(options: dict[str, str]) -> list[str]:
    """Return options as `cofee set` takes them."""
    return [f"{key}={value}" for key, value in options.items()]


def test_what_goes_with_the_users_is_said(released: Path, tmp_path: Path, cofee: Run) -> None:
    project = make_service(released, tmp_path / "service", {"isolation": "project"})

    gone = cofee("set", "auth=none", "--yes", "-C", project)

    assert gone.code == 0, gone.err
    words = " ".join(gone.err.split())
    assert "the option `isolation` no longer has an effect" in words
    assert "the migration drops the projects and their members" in words
    assert "isolation" not in answers(project)


@pytest.mark.service
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_two_owners_never_leave_a_project_alone(
    released: Path, tmp_path: Path, judge: Judge, database: str
) -> None:
    data: dict[str, Any] = {"isolation": "project", "database": database}
    project = make_service(released, tmp_path / "service", data)
    (project / "tests/test_race.py").write_text(RACE)

    assert judge.complaint(project, "tests/test_race.py", variables={}) == ""


def test_an_example_has_projects() -> None:
    """And with them the tests of every database and of Copier."""
    texts = [path.read_text() for path in (REPOSITORY / "examples").glob("*.yml")]

    assert [text for text in texts if yaml.safe_load(text).get("isolation") == "project"] != []
