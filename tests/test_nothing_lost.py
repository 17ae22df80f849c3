"""Cases in which files could once be lost, each kept as a fact."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from cofee.git import GitError, git
from cofee.project import git_index
from tests.conftest import Run, snapshot
from tests.test_update import MAIN, edit, next_main
from tests.tiny import FILES, release, run_git, write


def commit(shop: Path) -> None:
    """Commit everything."""
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--allow-empty", "--message", "edits")


def test_a_file_in_the_way_of_a_renamed_module_is_kept(shop: Path, cofee: Run) -> None:
    """The user's file and the module's do not replace each other."""
    write(
        shop, {"tests/modules/customers/t.py": "x = 1\n", "tests/modules/clients/t.py": "y = 1\n"}
    )
    before = snapshot(shop)

    ran = cofee("rename-module", "customers", "clients", "-C", shop)

    assert ran.code == 1
    assert "`tests/modules/clients/t.py` exists" in ran.err
    assert snapshot(shop) == before


def test_undo_leaves_other_modules_alone(shop: Path, cofee: Run) -> None:
    """A file that was deleted by hand is not taken for a likeness in another module."""
    cofee("add-field", "customers", "email:str:null", "-C", shop)
    cofee("new-module", "clients", "name:str", "age:int:null", "email:str:null", "-C", shop)
    commit(shop)
    cofee("add-field", "clients", "fax:str:null", "-C", shop)
    (shop / "app/modules/clients/models.py").unlink()
    others = snapshot(shop / "app/modules/customers")

    assert cofee("undo", "-C", shop).code == 0

    assert snapshot(shop / "app/modules/customers") == others
    assert not (shop / "app/modules/clients/models.py").exists()


def test_removing_a_field_takes_the_overlapping_edit_alone(shop: Path, cofee: Run) -> None:
    """What the user confirmed is listed, and nothing else is removed."""
    path = shop / "app/modules/customers/models.py"
    edit(path, '    age = "int"\n', '    age = "int"  # MINE\n')
    edit(
        path, "    created_at = None\n", "    created_at = None\n\n    def label(self): return 1\n"
    )

    refused = cofee("remove-field", "customers", "age", "-C", shop)
    done = cofee("remove-field", "customers", "age", "--yes", "-C", shop)

    assert refused.code == 1
    assert 'age = "int"  # MINE' in refused.err
    assert done.code == 0
    text = path.read_text()
    assert "age" not in text
    assert "    def label(self): return 1\n" in text


def pending(shop: Path, template: Path, cofee: Run) -> None:
    """Leave an update with a conflict in one file and a clean change in another."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    changes = {
        **next_main(**{"DEBUG = False": "DEBUG = 1"}),
        "template/README.md.jinja": "# {{ project_name }}, improved\n",
    }
    release(template, "v1.1.0", changes)
    assert cofee("update", "-C", shop).code == 2


def test_abort_asks_before_later_edits_go(shop: Path, template: Path, cofee: Run) -> None:
    """Edits outside the conflicts are named; with `--yes` they go, and undo brings them back."""
    pending(shop, template, cofee)
    (shop / "README.md").write_text("# shop, improved\nLATER\n")

    refused = cofee("update", "--abort", "-C", shop)
    kept = (shop / "README.md").read_text()
    done = cofee("update", "--abort", "--yes", "-C", shop)
    back = cofee("undo", "-C", shop)

    assert refused.code == 1
    assert "`README.md` was edited since" in refused.err
    assert kept.endswith("LATER\n")
    assert done.code == 0
    assert back.code == 0
    assert (shop / "README.md").read_text().endswith("LATER\n")


@pytest.mark.parametrize("option", ["--continue", "--abort"])
def test_continue_and_abort_have_no_preview(
    option: str, shop: Path, template: Path, cofee: Run
) -> None:
    """`--dry-run` never writes."""
    pending(shop, template, cofee)
    before = snapshot(shop)

    assert cofee("update", option, "--dry-run", "-C", shop).code == 64

    assert snapshot(shop) == before


def test_continue_after_a_reset_is_refused(shop: Path, template: Path, cofee: Run) -> None:
    """An update that was given up by git is not recorded as done."""
    pending(shop, template, cofee)
    run_git(shop, "reset", "--quiet", "--hard")

    ran = cofee("update", "--continue", "-C", shop)

    assert ran.code == 1
    assert "so it cannot continue" in ran.err
    assert cofee("update", "--abort", "-C", shop).code == 0
    assert "_commit: v1.0.0" in (shop / ".copier-answers.yml").read_text()


def test_an_edited_migration_is_asked_for(shop: Path, cofee: Run) -> None:
    """The migration of a new module goes without a word only as it was written."""
    cofee("new-module", "orders", "-C", shop)
    (path,) = (shop / "migrations/versions").glob("*_create_orders.py")
    path.write_text(path.read_text() + "# MINE\n")

    ran = cofee("remove-module", "orders", "-C", shop)

    assert ran.code == 1
    assert path.name in ran.err
    assert path.read_text().endswith("# MINE\n")


def test_a_repository_that_cannot_be_asked_may_hold_it(
    shop: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git refuses to answer, no migration is removed."""
    cofee("new-module", "orders", "-C", shop)

    def refuse(*_: object, **__: object) -> bytes:
        raise GitError("fatal: detected dubious ownership in repository")

    monkeypatch.setattr(git_index, "git", refuse)
    before = snapshot(shop)

    for command in (["remove-module", "orders"], ["undo"]):
        ran = cofee(*command, "-C", shop)
        assert ran.code == 1
        assert "dubious ownership" in ran.err
    assert snapshot(shop) == before


def test_line_endings_follow_a_file_that_the_template_renames(
    shop: Path, template: Path, cofee: Run
) -> None:
    """CRLF stays CRLF under the new name, and so does the answers file."""
    for name in ("app/main.py", ".copier-answers.yml"):
        path = shop / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    release(template, "v1.1.0", {MAIN: None, "template/app/start.py": FILES[MAIN] + "X = 1\n"})

    assert cofee("update", "-C", shop).code == 0

    moved = (shop / "app/start.py").read_bytes()
    assert moved == (FILES[MAIN] + "X = 1\n").replace("\n", "\r\n").encode()
    answers = (shop / ".copier-answers.yml").read_bytes()
    assert answers.count(b"\n") == answers.count(b"\r\n")


def test_a_linked_answers_file_is_refused(shop: Path, cofee: Run) -> None:
    """It is not silently replaced by a separate file."""
    (shop / ".copier-answers.yml").rename(shop / "real.yml")
    (shop / ".copier-answers.yml").symlink_to("real.yml")

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "not a symbolic link" in ran.err


def test_large_files_move_with_their_module(shop: Path, cofee: Run) -> None:
    """A renamed module leaves no file at its old place."""
    (shop / "app/modules/customers/data.bin").write_bytes(bytes(2_000_000))

    assert cofee("rename-module", "customers", "clients", "-C", shop).code == 0

    assert (shop / "app/modules/clients/data.bin").stat().st_size == 2_000_000
    assert not (shop / "app/modules/customers").exists()


def test_all_files_move_with_an_incomplete_module(shop: Path, cofee: Run) -> None:
    """Large, ignored and linked files move as well if a generated file was deleted."""
    module = shop / "app/modules/customers"
    (module / "data.bin").write_bytes(bytes(2_000_000))
    write(shop, {".gitignore": "*.local\n", "app/modules/customers/deep/my.local": "mine\n"})
    (module / "link").symlink_to("deep")
    (module / "schemas.py").unlink()

    assert cofee("rename-module", "customers", "clients", "-C", shop).code == 0

    moved = shop / "app/modules/clients"
    assert (moved / "data.bin").stat().st_size == 2_000_000
    assert (moved / "deep/my.local").read_text() == "mine\n"
    assert (moved / "link").is_symlink()
    assert not module.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_no_file_of_its_own(shop: Path, template: Path, cofee: Run) -> None:
    """New files and directories, the journal and what git writes belong to the service's user."""
    with tempfile.TemporaryDirectory() as folder:  # that user cannot enter the test's directory
        Path(folder).chmod(0o755)
        root = Path(folder) / "shop"
        shutil.copytree(shop, root)
        for path in (root, *root.rglob("*")):
            os.chown(path, 1000, 1000, follow_symlinks=False)

        assert cofee("new-module", "orders", "name:str", "-C", root).code == 0
        pending(root, template, cofee)

        assert git("ls-files", "--unmerged", cwd=root)
        assert [path for path in root.rglob("*") if path.lstat().st_uid != 1000] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_the_owner_alone(shop: Path, template: Path, cofee: Run) -> None:
    """A project in a container stays its user's."""
    os.chown(shop / "app/main.py", 1000, 1000)
    release(template, "v1.1.0", next_main(PORT="P"))

    assert cofee("update", "-C", shop).code == 0

    assert (shop / "app/main.py").stat().st_uid == 1000


def test_conflicts_outlive_git_init(shop: Path, template: Path, cofee: Run) -> None:
    """What waits outside git is still known once there is a repository."""
    shutil.rmtree(shop / ".git")
    pending(shop, template, cofee)
    run_git(shop, "init", "--quiet")

    assert cofee("update", "--abort", "-C", shop).code == 0

    assert "DEBUG = 'mine'" in (shop / "app/main.py").read_text()


def test_an_undo_that_conflicted_is_done_once_it_is_resolved(shop: Path, cofee: Run) -> None:
    """The next undo takes the step before it."""
    before = snapshot(shop)
    cofee("add-field", "customers", "email:str:null", "-C", shop)
    cofee("new-module", "orders", "-C", shop)
    edit(shop / "app/modules/orders/service.py", "return LIMIT", "return LIMIT + 1")
    assert cofee("undo", "-C", shop).code == 2
    (shop / "app/modules/orders/service.py").unlink()
    assert cofee("update", "--continue", "-C", shop).code == 0

    ran = cofee("undo", "-C", shop)

    assert "undoing `cofee add-field customers email`" in ran.err
    assert snapshot(shop) == before


def test_conflict_in_a_module_that_others_import(shop: Path, cofee: Run) -> None:
    """A file with conflict markers is assumed to define what its importers need."""
    write(shop, {"app/report.py": "from app.modules.customers.models import Customer\n"})
    path = shop / "app/modules/customers/models.py"
    edit(path, '    name = "str"\n', '    name = "str"  # MINE\n')

    ran = cofee("change-field", "customers", "name:int", "-C", shop)

    assert ran.code == 2


def test_caches_that_are_left_over_block_no_name(shop: Path, cofee: Run) -> None:
    """A module that was removed leaves its compiled files; its name is free again."""
    cache = shop / "app/modules/orders/__pycache__"
    cache.mkdir(parents=True)
    (cache / "models.cpython-311.pyc").write_bytes(b"")

    assert cofee("new-module", "orders", "-C", shop).code == 0


def test_a_preview_writes_nothing_at_all(shop: Path, cofee: Run) -> None:
    """Not even a lock."""
    shutil.rmtree(shop / ".git/cofee", ignore_errors=True)

    assert cofee("new-module", "orders", "--dry-run", "-C", shop).code == 0

    assert not (shop / ".git/cofee").exists()


def test_conflicts_that_git_knows_are_refused(shop: Path, cofee: Run) -> None:
    """A stash that was popped into a conflict leaves no MERGE_HEAD."""
    oid = run_git(shop, "hash-object", "-w", "app/main.py").strip()
    rows = "".join(f"100644 {oid} {stage}\tapp/main.py\n" for stage in (1, 2, 3))
    (shop.parent / "rows").write_text(f"0 {'0' * 40}\tapp/main.py\n{rows}")
    os.system(f"cd {shop} && git update-index --index-info < ../rows")  # noqa: S605

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "unresolved conflicts in `app/main.py`" in ran.err


def test_odd_files_neither_crash_nor_hang(shop: Path, cofee: Run) -> None:
    """Locks of editors, pipes and folders called `.py` are nothing to read."""
    (shop / "app/.#main.py").symlink_to("user@host.1234")
    os.mkfifo(shop / "app/pipe.py")
    (shop / "app/folder.py").mkdir()

    assert cofee("new-module", "orders", "-C", shop).code == 0
    assert cofee("rename-field", "customers", "age", "years", "-C", shop).code == 0
