"""Fields that users have in addition to those of the template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_copy, run_update

from tests.conftest import Run
from tests.generated import make_service, rendered, snapshot_template
from tests.tiny import run_git

BIO = {"name": "bio", "type": "text", "nullable": True}
USERNAME = {"name": "username", "type": "str", "unique": True}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree, released as v0.1.0."""
    return snapshot_template(tmp_path_factory.mktemp("user-fields") / "template")


def require_rendered(template: Path, shop: Path) -> None:
    """Require the files that a new service with the same answers has, and no other ones."""
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())
    data = {key: value for key, value in answers.items() if not key.startswith("_")}
    expected = rendered(template, data)
    found = {
        path.relative_to(shop).as_posix(): path.read_bytes()
        for path in shop.rglob("*")
        if path.is_file() and not {".cofee", "__pycache__", "versions"} & {*path.parts}
    }
    differing = {path for path in {*expected, *found} if expected.get(path) != found.get(path)}
    differing -= {".copier-answers.yml", ".env"}
    assert {path for path in differing if not path.startswith("migrations/")} == set()


def commit(shop: Path) -> None:
    """Commit all files."""
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--message", "changed")


def recorded(shop: Path) -> list[str] | None:
    """Return the names of the recorded fields; None if the answer is not recorded."""
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())
    fields = answers.get("user_fields")
    return None if fields is None else [field["name"] for field in fields]


def test_fields_of_users_are_changed_like_those_of_a_module(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    """Each command leaves the files of a service that was created with the result."""
    shop = make_service(released, tmp_path / "shop", {})
    username = "username:str:unique:filter:sort"
    changes: list[tuple[tuple[str, ...], list[str] | None]] = [
        (("add-field", "users", "bio:text:null"), ["bio"]),
        (("add-field", "users", username, "--backfill", "ann"), ["bio", "username"]),
        (("change-field", "User", "bio:str:len=200:null"), ["bio", "username"]),
        (("rename-field", "users", "bio", "about"), ["about", "username"]),
        (("remove-field", "users", "username", "--yes"), ["about"]),
        (("set", "auth=none", "--yes"), ["about"]),
        (("set", "auth=oauth", "--yes"), ["about"]),
        (("remove-field", "users", "about", "--yes"), None),
    ]

    for change, names in changes:
        done = cofee(*change, "-C", shop)
        assert done.code == 0, done.err
        assert recorded(shop) == names
        require_rendered(released, shop)

    for _ in changes:
        assert cofee("undo", "--yes", "-C", shop).code == 0
    assert recorded(shop) is None
    require_rendered(released, shop)


def test_users_that_come_back_have_their_fields(released: Path, tmp_path: Path, cofee: Run) -> None:
    shop = make_service(released, tmp_path / "shop", {"user_fields": [BIO]})
    (created,) = (shop / "migrations/versions").glob("*create_users.py")
    assert 'sa.Column("bio", sa.Text(), nullable=True)' in created.read_text()

    for answer in ("none", "jwt"):
        assert cofee("set", f"auth={answer}", "--yes", "-C", shop).code == 0

    dropped, again = sorted((shop / "migrations/versions").glob("*set_auth_*.py"), reverse=True)
    assert "bio" in dropped.read_text().partition("def downgrade")[2]
    assert "bio" in again.read_text().partition("def downgrade")[0]


def test_status_and_diff_show_the_users_that_have_fields(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    plain = make_service(released, tmp_path / "plain", {})
    shop = make_service(released, tmp_path / "shop", {"user_fields": [BIO, USERNAME]})
    with (shop / "app/modules/users/service.py").open("a") as file:
        file.write("\nLIMIT = 3\n")

    assert "users" not in cofee("status", "-C", plain).out
    shown = cofee("status", "users", "-C", shop).out
    assert "module    users (User)\n          bio:text:null\n          username:str:unique" in shown
    assert "edited    app/modules/users/service.py" in shown
    assert "+LIMIT = 3" in cofee("diff", "users", "-C", shop).out


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("role:str:null", "it is a field of every user"),
        ("password:str:null", "it is a field of every user"),
        ("token_version:int:null", "it is a field of every user"),
        ("user_access:int:null:min=1", "it is a name that the code of users refers to"),
        ("boss:ref:users:null", "refers to other rows, which users cannot"),
        ("tags:many:notes", "refers to other rows, which users cannot"),
        ("id:uuid:null", "every table has"),
    ],
)
def test_field_that_users_cannot_have_is_rejected(
    released: Path, tmp_path: Path, cofee: Run, field: str, problem: str
) -> None:
    notes = {"name": "notes", "entity": "Note", "fields": []}
    shop = make_service(released, tmp_path / "shop", {"modules": [notes]})

    refused = cofee("add-field", "users", field, "-C", shop)

    assert refused.code == 1
    assert problem in " ".join(refused.err.split())
    assert recorded(shop) is None


def test_what_the_template_ships_of_users_is_not_changed(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    shop = make_service(released, tmp_path / "shop", {"user_fields": [BIO]})

    for change in (
        ("change-field", "users", "password_hash:text"),
        ("rename-field", "users", "token_version", "version"),
        ("remove-field", "users", "email", "--yes"),
    ):
        refused = cofee(*change, "-C", shop)
        assert (refused.code, "has no field" in refused.err) == (1, True)
    for command in (("change-module", "users", "--index", "bio"), ("remove-module", "users")):
        refused = cofee(*command, "-C", shop)
        assert (refused.code, "have their own code" in refused.err) == (1, True)


def test_user_of_a_provider_sends_no_required_field(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    shop = make_service(released, tmp_path / "shop", {"user_fields": [USERNAME]})
    theirs = {"auth": "oauth", "user_fields": [USERNAME]}

    refused = cofee("set", "auth=oauth", "--yes", "-C", shop)

    assert "`users.username` must be nullable or have a default" in " ".join(refused.err.split())
    with pytest.raises(ValueError, match="must be nullable or have a default"):
        run_copy(str(released), tmp_path / "theirs", data=theirs, defaults=True, skip_tasks=True)


def test_fields_of_users_in_a_data_file_pass_the_gate(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    """Specifications are read there as those of modules are, and all problems are said at once."""
    data = tmp_path / "data.yml"
    command = ("new", tmp_path / "shop", "--template", released, "--trust", "--defaults")

    data.write_text("user_fields: ['bio:txt', {name: level, type: int, min: 9, max: 3}]")
    refused = cofee(*command, "--data-file", data, "--dry-run")
    assert refused.code == 1
    assert "the type `txt` is unknown" in refused.err
    assert "`level`" in refused.err

    data.write_text("user_fields: ['bio:text:null', 'username:str:unique']")
    created = cofee(*command, "--data-file", data, "--diff", "--dry-run")
    assert created.code == 0, created.err
    assert "username: Mapped[str] = mapped_column(sa.String(255))" in created.out


def test_copier_alone_renders_and_updates_the_same_service(
    released: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Nothing is recorded before users have fields, and then they are kept."""
    if not request.config.getoption("every_cell"):
        pytest.skip("Copier alone renders and updates a service in test_main_job.py")
    shop, data = tmp_path / "shop", {"user_fields": [BIO, USERNAME], "project_name": "shop"}
    given: dict[str, Any] = {"defaults": True, "skip_tasks": True, "quiet": True, "unsafe": True}
    run_copy(str(released), shop, data=data, **given)
    run_git(shop, "init", "--quiet")
    commit(shop)
    assert {
        path: content
        for path, content in rendered(released, data).items()
        if (shop / path).read_bytes() != content
    }.keys() <= {".copier-answers.yml"}

    run_update(shop, data={"description": "Sells"}, overwrite=True, **given)
    assert recorded(shop) == ["bio", "username"]
    commit(shop)
    run_update(shop, data={"user_fields": []}, overwrite=True, **given)
    assert recorded(shop) is None
    assert not (shop / "tests/modules/users/fields.py").exists()
