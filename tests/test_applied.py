"""A migration that the database has applied is not removed without a word."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from cofee.console.mode import Options
from tests.conftest import Run, snapshot
from tests.generated import DATABASES, make_service, run, variables
from tests.pooling import database
from tests.preforked import Preforked
from tests.test_security import programs
from tests.test_update import edit
from tests.tiny import FILES, release, run_git, write

__all__ = ["programs"]  # pytest finds the fixture by its name

SETTINGS = """\
_cofee_alembic: sh alembic.sh
_cofee_applied: cat applied
_cofee_verify: [sh check.sh]
"""
# Fails with a module `notes`, after the database has applied its migration.
CHECK = """\
cd migrations/versions
grep -h '^revision' *_notes.py | cut -d '"' -f 2 > ../../applied
test ! -s ../../applied
"""
ALEMBIC = 'echo "$@" >> ran\n'


@pytest.fixture
def applied(shop: Path, template: Path, cofee: Run) -> Path:
    """A service with a new module `orders`, whose migration its database has applied."""
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + SETTINGS})
    cofee("update", "-C", shop)
    write(shop, {"alembic.sh": ALEMBIC, "check.sh": CHECK})
    (shop / ".venv/bin").mkdir(parents=True)
    run_git(shop, "add", "--all")
    run_git(shop, "commit", "--quiet", "--message", "second")
    cofee("new-module", "orders", "total:int", "-C", shop)
    note_applied(shop, "create_orders")
    return shop


def note_applied(shop: Path, slug: str) -> None:
    """Let the database of a service be at a migration."""
    (path,) = (shop / "migrations/versions").glob(f"*_{slug}.py")
    write(shop, {"applied": f"{path.read_text().split(chr(34))[1]} (head)\n"})


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A terminal that is typed on by the test."""
    monkeypatch.setattr(Options, "interactive", True)
    with create_pipe_input() as pipe, create_app_session(pipe, DummyOutput()):
        yield pipe.send_text


def test_without_a_terminal_it_is_refused(applied: Path, cofee: Run) -> None:
    """The error names the downgrade while the file exists; a preview names it as well."""
    before = snapshot(applied)

    refused = cofee("undo", "-C", applied)
    shown = cofee("undo", "--dry-run", "-C", applied)

    assert refused.code == 1
    assert "has applied `migrations/versions/" in refused.err
    assert "run `sh alembic.sh downgrade 1` first or use `--downgrade`" in refused.err
    assert shown.code == 0
    assert "the database has applied `migrations/versions/" in shown.err
    assert snapshot(applied) == before


@pytest.mark.parametrize(
    ("options", "ran"), [(["--yes"], None), (["--downgrade"], "downgrade 1\n")]
)
def test_options_say_what_becomes_of_the_database(
    applied: Path, cofee: Run, options: list[str], ran: str | None
) -> None:
    done = cofee("undo", *options, "-C", applied)

    assert done.code == 0
    assert not (applied / "app/modules/orders").exists()
    assert ((applied / "ran").read_text() if (applied / "ran").exists() else None) == ran
    assert ("it writes the same revision" in done.err) is (ran is None)


@pytest.mark.parametrize(
    ("keys", "code", "ran"), [("y", 0, True), ("ny", 0, False), ("nn", 1, False)]
)
def test_in_a_terminal_it_is_asked(
    applied: Path, cofee: Run, press: Callable[[str], None], keys: str, code: int, ran: bool
) -> None:
    press(keys)
    done = cofee("undo", "-C", applied)

    assert done.code == code
    assert (applied / "app/modules/orders").exists() is (code == 1)
    assert (applied / "ran").exists() is ran


def test_failed_downgrade_writes_nothing(applied: Path, cofee: Run) -> None:
    write(applied, {"alembic.sh": "echo 'rows are in the way' >&2; exit 1\n"})
    before = snapshot(applied)

    ran = cofee("undo", "--downgrade", "-C", applied)

    assert ran.code == 1
    assert "`sh alembic.sh downgrade 1` failed: `rows are in the way`" in ran.err
    assert snapshot(applied) == before


def test_downgrade_that_hangs_is_stopped(
    applied: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A downgrade that ignores SIGTERM is killed."""
    write(applied, {"alembic.sh": "trap '' TERM; exec sleep 100\n"})
    monkeypatch.setattr("cofee.commands.database.WAITED", 0.2)
    before = snapshot(applied)

    ran = cofee("undo", "--downgrade", "-C", applied)

    assert ran.code == 1
    assert "`sh alembic.sh downgrade 1` did not end within 0.2 s" in ran.err
    assert snapshot(applied) == before


@pytest.mark.parametrize("known", [True, False])
def test_what_was_not_applied_is_removed(applied: Path, cofee: Run, known: bool) -> None:
    """A database that cannot be asked is a note, with the reason."""
    write(applied, {"applied": "1 (head)\n" if known else None})

    ran = cofee("undo", "-C", applied)

    assert ran.code == 0
    reason = "could not be asked (`cat applied` failed: `cat: applied: No such file or directory`)"
    assert (reason in ran.err) is not known


def test_without_an_environment_the_database_is_not_asked(applied: Path, cofee: Run) -> None:
    """Another Python would not have the libraries of the service."""
    (applied / ".venv/bin").rmdir()

    ran = cofee("undo", "-C", applied)

    assert ran.code == 0
    assert "could not be asked (there is no environment `.venv`)" in ran.err


def test_abort_of_a_command_with_conflicts_is_refused_too(applied: Path, cofee: Run) -> None:
    """Its migration is there while its conflicts are resolved, and `poe dev` applies it."""
    run_git(applied, "add", "--all")
    run_git(applied, "commit", "--quiet", "--message", "orders")
    edit(applied / "app/modules/orders/models.py", 'total = "int"', 'total = "mine"')
    assert cofee("change-field", "orders", "total:str", "-C", applied).code == 2
    note_applied(applied, "change_field_orders_total")
    before = snapshot(applied)

    refused = cofee("update", "--abort", "-C", applied)
    unchanged = snapshot(applied)
    done = cofee("update", "--abort", "--yes", "-C", applied)

    assert refused.code == 1
    assert "sh alembic.sh downgrade " in refused.err
    assert unchanged == before
    assert done.code == 0


def test_removed_module_gets_a_migration_that_drops_its_table(applied: Path, cofee: Run) -> None:
    """The migration that creates it stays, as if it were committed."""
    ran = cofee("remove-module", "orders", "-C", applied)

    assert ran.code == 0
    assert "so another migration drops the table" in ran.err
    names = [path.stem.partition("_")[2] for path in (applied / "migrations/versions").iterdir()]
    assert {"create_orders", "drop_orders"} <= {*names}


def test_reverted_change_says_that_its_migration_was_applied(applied: Path, cofee: Run) -> None:
    """The tests of `--verify` take a while, and `poe dev` applies what it sees."""
    ran = cofee("new-module", "notes", "--verify", "-C", applied)

    assert ran.code == 1
    assert "so the change was reverted" in ran.err
    assert "has applied `migrations/versions/" in ran.err
    assert "run the command without `--verify`, then `cofee undo --downgrade`" in ran.err


@pytest.mark.service
@pytest.mark.parametrize("name", DATABASES)
def test_service_says_what_its_database_has_applied(
    programs: tuple[Path, Path],
    forks: Preforked,
    tmp_path: Path,
    cofee: Run,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    request: pytest.FixtureRequest,
) -> None:
    """SQLite is asked as `poe dev` leaves it, PostgreSQL by its URL; the downgrade is real."""
    if name == "sqlite" and not request.config.getoption("every_cell"):
        pytest.skip("the service on PostgreSQL is asked by the same program")
    template, environment = programs
    for variable, value in (variables(environment) | forks.first("alembic")).items():
        monkeypatch.setenv(variable, value)
    shop = make_service(template, tmp_path / "shop", {"database": name})
    migrate = ("python", "-m", "dev", "true")
    cofee("new-module", "orders", "total:int", "-C", shop)
    fresh = cofee("undo", "--dry-run", "-C", shop)
    assert not (shop / ".database").exists()
    with database(shop, environment) as url:
        if name == "postgresql":
            monkeypatch.setenv("DATABASE_URL", url)
        run(shop, environment, *migrate, **os.environ)
        refused = cofee("undo", "-C", shop)
        undone = cofee("undo", "--downgrade", "-C", shop)
        run(shop, environment, *migrate, **os.environ)

    assert "note" not in fresh.err
    assert refused.code == 1
    assert "the database has applied `migrations/versions/" in refused.err
    assert undone.code == 0, undone.err
    assert not (shop / "app/modules/orders/models.py").exists()
