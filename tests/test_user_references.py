"""Fields that refer to the users of a service."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from copier import run_copy

from tests.conftest import Run
from tests.generated import make_service, rendered, snapshot_template

AUTHOR = {"name": "author", "type": "ref", "to": "users"}
NOTES = {"name": "notes", "entity": "Note", "fields": [AUTHOR]}
TASKS = {"name": "tasks", "entity": "Task", "fields": [AUTHOR], "owned_by": "user"}
REFERENCES = "app/modules/users/references.py"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree, released as v0.1.0."""
    return snapshot_template(tmp_path_factory.mktemp("users") / "template")


def require_rendered(template: Path, shop: Path) -> None:
    """Require the files that a new service with the same answers has."""
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())
    expected = rendered(template, {"modules": answers["modules"], "auth": answers["auth"]})
    del expected[".copier-answers.yml"]
    found = {path: (shop / path).read_bytes() for path in expected}
    assert [path for path in expected if found[path] != expected[path]] == []
    assert (shop / REFERENCES).exists() == (REFERENCES in expected)


def test_fields_that_refer_to_users_are_changed(released: Path, tmp_path: Path, cofee: Run) -> None:
    """Each command leaves the files of a service that was created with the result."""
    shop = make_service(released, tmp_path / "shop", {})
    changes = [
        ("new-module", "notes", "text:str", "author:ref:users:filter"),
        ("add-field", "notes", "fans:many:users", "pair:one:users:null"),
        ("change-field", "notes", "author:ref:users:null:on_delete=set_null"),
        ("rename-field", "notes", "author", "writer"),
        ("rename-module", "notes", "memos"),
        ("new-module", "tasks", "boss:ref:users:on_delete=cascade", "--owned-by", "user"),
        ("remove-field", "memos", "writer", "fans", "pair", "--yes"),
        ("remove-module", "tasks", "--yes"),
    ]

    for change in changes:
        done = cofee(*change, "-C", shop)
        assert done.code == 0, done.err
        require_rendered(released, shop)

    for _ in changes:
        assert cofee("undo", "--yes", "-C", shop).code == 0
    require_rendered(released, shop)


def test_users_cannot_be_removed_while_fields_refer_to_them(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    shop = make_service(released, tmp_path / "shop", {"modules": [NOTES]})

    refused = cofee("set", "auth=none", "--yes", "-C", shop)

    assert refused.code == 1
    assert "`auth=none` removes the `users` that `notes.author` can contain" in refused.err
    assert cofee("remove-module", "notes", "--yes", "-C", shop).code == 0
    assert cofee("set", "auth=none", "--yes", "-C", shop).code == 0


def test_reference_to_users_needs_users(released: Path, tmp_path: Path, cofee: Run) -> None:
    data, given = tmp_path / "data.yml", {"auth": "none", "modules": [NOTES]}
    data.write_text(yaml.safe_dump(given))
    shop = make_service(released, tmp_path / "shop", {"auth": "none"})

    created = cofee(
        "new", tmp_path / "ours", "--template", released, "--trust", "--data-file", data
    )
    added = cofee("new-module", "notes", "author:ref:users", "-C", shop)

    assert (created.code, added.code) == (1, 1)
    assert "it comes with `auth: jwt`" in " ".join(created.err.split())
    assert "turn it on first: `cofee set auth=jwt`" in " ".join(added.err.split())
    with pytest.raises(ValueError, match="it comes with `auth: jwt`"):
        run_copy(str(released), tmp_path / "theirs", data=given, defaults=True, skip_tasks=True)


def test_module_of_that_name_is_a_module(released: Path) -> None:
    """A service without users can have its own module `users`, with references to it."""
    users = {"name": "users", "entity": "Person", "fields": []}

    tree = rendered(released, {"auth": "none", "modules": [users, NOTES]})

    assert REFERENCES not in tree
    assert b"visible_user" not in tree["app/modules/notes/router.py"]
    assert "tests/modules/users/case.py" in tree


def test_rows_below_a_user_are_private_unless_they_have_an_owner(released: Path) -> None:
    """The owner's scope decides about rows with an owner."""
    tree = rendered(released, {"auth": "jwt", "modules": [NOTES, TASKS]})

    assert b'Depends(visible_user("author_id"))' in tree["app/modules/notes/router.py"]
    assert b"visible_user" not in tree["app/modules/tasks/router.py"]


def test_users_cannot_be_expanded(released: Path, tmp_path: Path, cofee: Run) -> None:
    """Their addresses are for administrators alone."""
    shop, theirs = make_service(released, tmp_path / "shop", {}), tmp_path / "theirs"
    data = {"modules": [{**NOTES, "fields": [{**AUTHOR, "expand": True}]}]}

    refused = cofee("new-module", "notes", "author:ref:users:expand", "-C", shop)

    assert "`users` cannot be expanded" in " ".join(refused.err.split())
    with pytest.raises(ValueError, match="cannot be expanded"):
        run_copy(str(released), theirs, data=data, defaults=True, skip_tasks=True)


def test_rows_for_users_are_not_expanded_for_every_client(
    released: Path, tmp_path: Path, cofee: Run
) -> None:
    """Otherwise an open list would show what a closed one does not."""
    shop = make_service(released, tmp_path / "shop", {})
    created = cofee("new-module", "secrets", "code:str", "--access", "user", "-C", shop)
    assert created.code == 0, created.err

    refused = cofee("new-module", "notes", "secret:ref:secrets:expand", "-C", shop)
    closed = cofee(
        "new-module", "logs", "secret:ref:secrets:expand", "--access", "user", "-C", shop
    )

    assert "`secrets` cannot be expanded" in " ".join(refused.err.split())
    assert closed.code == 0, closed.err
    opened = cofee("change-module", "logs", "--access", "user-write", "-C", shop)
    assert "`secrets` cannot be expanded" in " ".join(opened.err.split())
