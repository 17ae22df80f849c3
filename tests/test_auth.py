"""Users are an option: whole where it is on, nothing where it is off, `none` for old services."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_copy, run_update

from cofee.engine.render import Renderer
from cofee.files import File
from cofee.template import template as templates
from tests.conftest import Run, Tree, snapshot
from tests.generated import (
    DATABASES,
    EXAMPLES,
    environment,
    make_service,
    run,
    snapshot_template,
)
from tests.judging import Judge
from tests.preforked import Preforked
from tests.tiny import release, run_git

OF_USERS = re.compile(
    r"jwt|pwdlib|bcrypt|limits>|redis|create.admin|AuthSettings|modules.(auth|users)|cookie|token"
    r"|oauth|oidc|authlib|provider|identit",
    re.IGNORECASE,
)
NOTE = {"name": "notes", "entity": "Note", "fields": [{"name": "text", "type": "str"}]}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree, released as v0.1.0."""
    return snapshot_template(tmp_path_factory.mktemp("auth") / "template")


def rendered(template: Path, data: Mapping[str, Any]) -> dict[str, File]:
    """Render a new service, or modules alone."""
    renderer = Renderer(templates.latest(str(template)))
    return renderer.render(renderer.settle(data, {}, "service"), "copy")


def answers(root: Path) -> dict[str, Any]:
    """Return what a project has on record."""
    found: dict[str, Any] = yaml.safe_load((root / ".copier-answers.yml").read_text())
    return found


def before_the_question(question: str, shop: Path) -> Tree:
    """Make a service what it was before its template had the question; return it, committed."""
    path = shop / ".copier-answers.yml"
    path.write_text(path.read_text().replace(f"{question}: none\n", ""))
    run_git(shop, "init", "--quiet")
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--message", "before")
    return snapshot(shop)


def update_takes_none(question: str, shop: Path, template: Path, cofee: Run) -> Tree:
    """Update a service to a version that has one file more; return it after that."""
    release(template, "v0.2.0", {"template/NEWS.md": "New.\n"})

    updated = cofee("update", "--defaults", "-C", shop)

    assert updated.code == 0, updated.err
    assert f"new question `{question}` took its default `none`" in updated.err
    assert answers(shop)[question] == "none"
    return snapshot(shop)


def test_a_new_service_has_users(released: Path) -> None:
    tree = rendered(released, {})

    assert b"auth: jwt" in tree[".copier-answers.yml"].content
    assert {f"app/modules/users/{name}.py" for name in ("models", "router", "service")} <= set(tree)


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_without_users_nothing_of_them_is_left(released: Path, database: str) -> None:
    with_users = rendered(released, {"database": database})
    without = rendered(released, {"database": database, "auth": "none"})

    changed = {path for path in without if without[path] != with_users[path]}
    assert changed == {
        *(".copier-answers.yml", ".env.example", "AGENTS.md", "README.md", "pyproject.toml"),
        *("app/api/v1/router.py", "app/infrastructure/settings.py", "app/modules/__init__.py"),
    }
    for path in changed - {".copier-answers.yml"}:
        lines = without[path].content.decode().splitlines()
        assert [line for line in lines if OF_USERS.search(line)] == [], path


def test_without_a_provider_nothing_of_it_is_left(released: Path) -> None:
    with_provider = rendered(released, {"auth": "oauth"})
    without = rendered(released, {})

    changed = {path for path in without if without[path] != with_provider[path]}
    assert {path for path in changed if "/versions/" not in path} == {
        *(".copier-answers.yml", ".env.example", "AGENTS.md", "README.md", "pyproject.toml"),
        *("app/api/v1/router.py", "app/infrastructure/settings.py", "app/modules/__init__.py"),
    }
    about = re.compile("oidc|authlib|oauth[^2]|identities", re.IGNORECASE)
    assert [path for path, file in without.items() if about.search(file.content.decode())] == []


def test_an_older_service_goes_on_without_users(released: Path, tmp_path: Path, cofee: Run) -> None:
    """By cofee and by Copier: the answer is `none`, and no file of users comes."""
    template = shutil.copytree(released, tmp_path / "template")
    data = {"auth": "none", "modules": [NOTE]}
    shop = make_service(template, tmp_path / "shop", data)
    before = before_the_question("auth", shop)
    twin = shutil.copytree(shop, tmp_path / "twin/shop")

    after = update_takes_none("auth", shop, template, cofee)
    run_update(twin, defaults=True, overwrite=True, quiet=True, unsafe=True)

    assert snapshot(twin) == after
    assert after.keys() - before.keys() == {"NEWS.md"}


def test_modules_alone_bring_no_users(released: Path) -> None:
    data = {"kind": "module", "auth": "jwt", "modules": [NOTE]}

    tree = rendered(released, data)

    # They come with the first module.
    shared = {"app", "app/common", "app/db", "migrations", "tests", "tests/contract"}
    folders = {path.rsplit("/", 1)[0] for path in tree} - shared
    assert folders == {"app/modules/notes", "tests/modules/notes", "migrations/versions"}
    assert [path for path in tree if "users" in path] == []
    assert [path for path in tree if "app/common/" in path] == ["app/common/routing.py"]


@pytest.mark.parametrize(
    ("auth", "key", "name"),
    [("jwt", "name", name) for name in ("users", "auth", "refresh_tokens")]
    + [("jwt", "entity", name) for name in ("User", "RefreshToken")]
    + [
        ("oauth", "name", "users"),
        ("oauth", "name", "identities"),
        ("oauth", "entity", "Identity"),
    ],
)
def test_what_users_need_is_taken(
    released: Path, tmp_path: Path, cofee: Run, auth: str, key: str, name: str
) -> None:
    module = {**NOTE, key: name}
    given = {"auth": auth, "modules": [module]}
    data = tmp_path / "data.yml"
    data.write_text(yaml.safe_dump(given))
    options = ("--template", released, "--defaults", "--trust", "--data-file", data)

    refused = cofee("new", tmp_path / "ours", *options)

    sentence = f"the name `{name}` is taken by `auth: {auth}`"
    assert refused.code == 1
    assert sentence in " ".join(refused.err.split())
    with pytest.raises(ValueError, match=sentence):
        run_copy(str(released), tmp_path / "theirs", data=given, defaults=True, skip_tasks=True)
    assert rendered(released, {"auth": "none", "modules": [module]})


def test_a_class_that_users_need_is_renamed_by_the_command_that_is_named(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    """There is no command for a class: it is renamed with its module."""
    shop, data = tmp_path / "shop", tmp_path / "data.yml"
    data.write_text(yaml.safe_dump({"auth": "none", "modules": [{**NOTE, "entity": "User"}]}))
    options = ("--template", released, "--defaults", "--trust", "--data-file", data)
    assert cofee("new", shop, *options).code == 0

    refused = cofee("set", "auth=jwt", "-C", shop)
    renamed = cofee("rename-module", "notes", "memos", "--entity", "Memo", "-C", shop)

    assert "`cofee rename-module notes NEW --entity NAME`" in refused.err
    assert renamed.code == 0, renamed.err
    assert cofee("set", "auth=jwt", "-C", shop).code == 0


def test_a_service_with_users_gets_modules(released: Path, tmp_path: Path, cofee: Run) -> None:
    """On top of the users' migration, and not in the place of the users."""
    shop = tmp_path / "shop"
    assert cofee("new", shop, "--template", released, "--defaults", "--trust").code == 0

    for name, *more in (("users",), ("auth", "--plural", "auth"), ("people", "--entity", "User")):
        refused = cofee("new-module", name, "title:str", *more, "-C", shop)
        assert (refused.code, "exists already" in refused.err) == (1, True), refused.err
    assert cofee("new-module", "notes", "text:str", "-C", shop).code == 0

    (users,) = (shop / "migrations/versions").glob("*_create_users.py")
    (notes,) = (shop / "migrations/versions").glob("*_create_notes.py")
    found = re.search(r'^revision: str = (".*")$', users.read_text(), re.MULTILINE)
    assert found is not None
    assert f"down_revision: str | None = {found[1]}" in notes.read_text()


CHANGES = [
    ("none", "jwt"),
    ("none", "oauth"),
    ("jwt", "oauth"),
    ("oauth", "jwt"),
    ("oauth", "none"),
    ("jwt", "none"),
]


@pytest.mark.service
@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_users_can_come_and_go_later(
    released: Path, tmp_path: Path, cofee: Run, judge: Judge, before: str, after: str
) -> None:
    """One command with one migration; the opposite leaves the tree as it was, migrations apart."""
    project = make_service(released, tmp_path / "service", {"auth": before, "modules": [NOTE]})
    first = snapshot(project)

    changed = cofee("set", f"auth={after}", "--yes", "-C", project)

    assert changed.code == 0, changed.err
    (made,) = (project / "migrations/versions").glob(f"*_set_auth_{after}.py")
    assert answers(project)["auth"] == after
    programs = environment(released)
    makes_all = (before, after) == ("none", "oauth")  # each table, so on both databases
    for database in DATABASES if makes_all else ["sqlite"]:
        tests, variables = "tests/db/test_migrations.py", DATABASES[database]
        assert judge.complaint(project, tests, variables=variables) == ""
    run(project, programs, "ruff", "check")
    run(project, programs, "ruff", "format", "--check", "migrations")

    assert cofee("set", f"auth={before}", "--yes", "-C", project).code == 0
    (back,) = (project / "migrations/versions").glob(f"*_set_auth_{before}.py")
    made.unlink()
    back.unlink()
    assert sources(project) == {path: first[path] for path in sources(project)}
    assert first.keys() == sources(project).keys()


def sources(root: Path) -> dict[str, bytes]:
    """Return the files of a project, except those that tools write."""
    caches = re.compile(r"__pycache__|\.(pytest|ruff|mypy)_cache|\.coverage")
    return {path: content for path, content in snapshot(root).items() if not caches.search(path)}


@pytest.mark.service
def test_an_administrator_is_made_by_a_task(
    released: Path, forks: Preforked, tmp_path: Path
) -> None:
    """The password comes by a pipe, and is not on the command line."""
    project = make_service(released, tmp_path / "service", {"database": "sqlite"})
    programs = environment(released)
    making = "python -m dev --temporary python -m app.create_admin root@example.com Root"

    command = f"echo 'correct horse battery' | {making}"
    run(project, programs, "sh", "-c", command, **forks.first("alembic"))
    tasks = run(project, programs, "poe", "--help")

    assert "create-admin" in tasks


def test_the_examples_show_every_choice() -> None:
    """One has a module called `users`, the others have users."""
    assert {answers["auth"] for answers in EXAMPLES.values()} == {"jwt", "none", "oauth"}
