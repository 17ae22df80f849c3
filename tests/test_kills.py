"""All or nothing: the next command completes or takes back what a killed command began."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cofee.project.journal import Journal
from tests import killing
from tests.conftest import Run, snapshot
from tests.preforked import Preforked, modules_of_the_command, preforked
from tests.test_new_places import STARTED, started
from tests.test_update import edit, next_main
from tests.tiny import COPIER_YML, release, run_git, write

SHARE = 0.06  # of the writes before which a kill is tried, without `--every-cell`

Situation = Callable[[Path, Path, Run], object]


def nothing(shop: Path, template: Path, cofee: Run) -> None:
    """Leave the service as it is."""


def outdated(shop: Path, template: Path, cofee: Run) -> None:
    """Release a version that changes, adds and removes files."""
    changes = {
        **next_main(**{"DEBUG = False": "DEBUG = 1"}),
        "template/run.sh": None,
        "template/made/new.txt": "new\n",
    }
    release(template, "v1.1.0", changes)


def outdated_and_edited(shop: Path, template: Path, cofee: Run) -> None:
    """Let the next update conflict."""
    outdated(shop, template, cofee)
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")


def conflicted(shop: Path, template: Path, cofee: Run) -> None:
    """Leave an update with a conflict."""
    outdated_and_edited(shop, template, cofee)
    assert cofee("update", "-C", shop).code == 2


def resolved(shop: Path, template: Path, cofee: Run) -> None:
    """Resolve the conflict."""
    conflicted(shop, template, cofee)
    write(shop, {"app/main.py": "DEBUG = 'both'\n"})


def outside_git(shop: Path, template: Path, cofee: Run) -> None:
    """Let the next update conflict without a repository."""
    outdated_and_edited(shop, template, cofee)
    shutil.rmtree(shop / ".git")


def field_added(shop: Path, template: Path, cofee: Run) -> None:
    """Leave something to undo."""
    assert cofee("add-field", "customers", "email:str:null", "-C", shop).code == 0


def module_edited(shop: Path, template: Path, cofee: Run) -> None:
    """Let the next undo conflict."""
    assert cofee("new-module", "orders", "-C", shop).code == 0
    edit(shop / "app/modules/orders/service.py", "return LIMIT", "return LIMIT + 1")


def undo_resolved(shop: Path, template: Path, cofee: Run) -> None:
    """Resolve the conflict of an undo."""
    module_edited(shop, template, cofee)
    assert cofee("undo", "-C", shop).code == 2
    (shop / "app/modules/orders/service.py").unlink()


def checked(shop: Path, template: Path, cofee: Run) -> None:
    """Let the template check each change, with a command that writes the lock file."""
    check = "! grep -r missing app/modules || { echo new > uv.lock; false; }"
    settings = f"""_cofee_verify: ["sh -c '{check}'"]\n"""
    release(template, "v1.1.0", {"copier.yml": COPIER_YML + settings})
    assert cofee("update", "-C", shop).code == 0
    write(shop, {"uv.lock": "locked\n"})


CASES: dict[str, tuple[Situation, str]] = {
    "new module": (nothing, "new-module orders name:str"),
    "added field": (nothing, "add-field customers email:str:null"),
    "renamed field": (nothing, "rename-field customers age years"),
    "renamed module": (nothing, "rename-module customers clients"),
    "removed module": (nothing, "remove-module customers"),
    "option": (nothing, "set ci=none"),
    "clean update": (outdated, "update"),
    "update with a conflict": (outdated_and_edited, "update"),
    "update with a conflict outside git": (outside_git, "update"),
    "continued update": (resolved, "update --continue"),
    "aborted update": (conflicted, "update --abort"),
    "undo": (field_added, "undo"),
    "undo with a conflict": (module_edited, "undo"),
    "continued undo": (undo_resolved, "update --continue"),
    "aborted undo": (undo_resolved, "update --abort"),
    "rejected field": (checked, "add-field customers missing:str:null --verify"),
}


@pytest.fixture(scope="module")
def forked() -> Iterator[Preforked]:
    """Runs commands in forks of one process that has imported them, which takes longer."""
    with preforked(Path(sys.prefix), [*modules_of_the_command()], os.environ) as forked:
        yield forked


def explored(
    forked: Preforked, work: Path, root: Path, share: float, *command: str | Path
) -> dict[str, Any]:
    """Kill a command at every write below a directory, and return what came of it."""
    words = [str(word) for word in (work, root, share, *command)]
    code, printed = forked.run(work.parent, killing.__file__, *words, variables=os.environ)
    assert code == 0, printed[-3000:]
    outcome: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return outcome


@pytest.mark.parametrize("case", CASES)
def test_killed_command_is_whole_after_the_next(
    case: str,
    shop: Path,
    template: Path,
    cofee: Run,
    forked: Preforked,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Files, modes, index and journal are as before the command, or as after it."""
    situation, command = CASES[case]
    situation(shop, template, cofee)
    share = 1 if request.config.getoption("--every-cell") else SHARE

    outcome = explored(forked, tmp_path / "work", shop, share, *command.split(), "-C", shop)

    counted = ("points", "tried", "kills", "states")
    request.node.user_properties.append(("kills", [outcome[name] for name in counted]))
    is_rejected = "--verify" in command
    assert outcome["code"] in ({1} if is_rejected else {0, 2})
    assert outcome["changes"] is not is_rejected
    assert outcome["points"] > 15
    assert outcome["wrong"] == []


TASKS = """\
_tasks:
  - "test -e .git || git init --quiet; mkdir made; echo x > made/by-task"
  - {command: [chmod, "600", by-task], working_directory: made}
"""


@pytest.mark.parametrize("place", ["new directory", "empty directory", "repository"])
def test_killed_new_is_whole_after_the_next(
    place: str,
    template: Path,
    forked: Preforked,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """The service has the results of all tasks, or the directory is as it was."""
    changes = {"copier.yml": COPIER_YML + TASKS, "template/.gitignore": ".env\n"}
    release(template, "v1.1.0", changes)
    root = tmp_path / "root"
    if place == "repository":
        started(root, STARTED, commit=True)
    if place == "new directory":
        root.mkdir()
    if place == "empty directory":
        (root / "shop").mkdir(parents=True)
    shop = root if place == "repository" else root / "shop"
    share = 1 if request.config.getoption("--every-cell") else SHARE
    command = ("new", shop, "--template", template, "--defaults", "--trust", "--quiet")

    outcome = explored(forked, tmp_path / "work", root, share, *command)

    counted = ("points", "tried", "kills", "states")
    request.node.user_properties.append(("kills", [outcome[name] for name in counted]))
    assert outcome["code"] == 0
    assert outcome["changes"]
    assert outcome["points"] > 15
    assert outcome["wrong"] == []


def killed(shop: Path, cofee: Run) -> None:
    """Leave a new module of which some files are written and the rest are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "_replace", lambda *_: (_ for _ in ()).throw(SystemExit(137)))
        patch.setattr(Journal, "_roll_back", lambda *_: None)
        assert cofee("new-module", "orders", "-C", shop).code == 137


COMMANDS = (
    "status",
    "diff",
    "undo --dry-run",
    "new-module notes --dry-run",
    "update --continue",
    "update --abort",
    "remove-module nothing",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_first_recovers(command: str, shop: Path, cofee: Run) -> None:
    """Reading commands, previews and commands that are rejected do so too."""
    before = snapshot(shop)
    killed(shop, cofee)
    assert snapshot(shop) != before

    cofee(*command.split(), "-C", shop)

    assert snapshot(shop) == before


def test_conflict_is_shown_once_the_index_is_free(shop: Path, template: Path, cofee: Run) -> None:
    """While another git holds the lock, the update succeeds and the next command shows it."""
    outdated_and_edited(shop, template, cofee)
    lock = shop / ".git/index.lock"
    lock.touch()
    ran = cofee("update", "-C", shop)
    locked = run_git(shop, "status", "--short", "app/main.py")
    lock.unlink()

    assert cofee("status", "-C", shop).code == 0

    assert ran.code == 2
    assert locked == " M app/main.py\n"
    assert run_git(shop, "status", "--short", "app/main.py") == "UU app/main.py\n"


def test_aborted_conflict_is_never_shown(shop: Path, template: Path, cofee: Run) -> None:
    """An index that was locked from the update to its abort stays as it was."""
    outdated_and_edited(shop, template, cofee)
    lock = shop / ".git/index.lock"
    lock.touch()
    assert cofee("update", "-C", shop).code == 2
    assert cofee("update", "--abort", "-C", shop).code == 0
    lock.unlink()

    assert cofee("status", "-C", shop).code == 0

    assert run_git(shop, "status", "--short", "app/main.py") == " M app/main.py\n"


def test_rollback_restores_permissions(shop: Path, cofee: Run) -> None:
    """A file that only its owner can read is not readable by others after a rollback."""
    path = shop / "app/router.py"
    path.chmod(0o600)
    killed(shop, cofee)

    cofee("status", "-C", shop)

    assert path.stat().st_mode & 0o777 == 0o600


def test_rollback_keeps_empty_folders_of_the_user(shop: Path, cofee: Run) -> None:
    """Only directories that the command made are removed."""
    mine = shop / "app/modules/orders"
    mine.mkdir()
    killed(shop, cofee)
    assert any(mine.iterdir())

    cofee("status", "-C", shop)

    assert not any(mine.iterdir())


def test_rollback_keeps_what_replaced_a_folder(shop: Path, cofee: Run) -> None:
    """A user can remove a partial module and write a file of its name before the next command."""
    killed(shop, cofee)
    shutil.rmtree(shop / "app/modules/orders")
    write(shop, {"app/modules/orders": "mine\n"})

    assert cofee("status", "-C", shop).code == 0

    assert (shop / "app/modules/orders").read_text() == "mine\n"


def test_undone_removal_restores_permissions(shop: Path, cofee: Run) -> None:
    """A file that only its owner can read is not readable by others after an undo."""
    path = shop / "app/modules/customers/models.py"
    path.chmod(0o600)
    assert cofee("remove-module", "customers", "-C", shop, "--yes").code == 0

    assert cofee("undo", "-C", shop).code == 0

    assert path.stat().st_mode & 0o777 == 0o600


def test_aborted_removal_restores_permissions(shop: Path, template: Path, cofee: Run) -> None:
    """The update removes the file, and its abort creates it again."""
    path = shop / "run.sh"
    path.chmod(0o700)
    conflicted(shop, template, cofee)
    assert not path.exists()

    assert cofee("update", "--abort", "-C", shop).code == 0

    assert path.stat().st_mode & 0o777 == 0o700
