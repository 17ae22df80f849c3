"""Migrations of a database that is in use, by several processes, and the files of new ones."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.generated import make_service, run, serving, variables
from tests.pooling import create_databases, database, session
from tests.preforked import Preforked
from tests.test_production import PRODUCTS
from tests.test_security import programs

pytestmark = pytest.mark.service

__all__ = ["programs"]  # pytest finds the fixture by its name

# Forks processes that have imported everything, so that they really migrate at once.
AT_ONCE = """
import os, sys, alembic.command, alembic.config, app.api.v1.router
config = alembic.config.Config(toml_file="pyproject.toml")
alembic.command.upgrade(config, sys.argv[2]) if sys.argv[2:] else None
for _ in range(int(sys.argv[1])):
    processes = []
    for _ in range(6):
        if not (process := os.fork()):
            alembic.command.upgrade(config, "head")
            os._exit(0)
        processes.append(process)
    assert not any(os.waitpid(process, 0)[1] for process in processes)
    alembic.command.check(config)
    alembic.command.downgrade(config, sys.argv[2] if sys.argv[2:] else "base")
"""
ROUNDS = "2"
# Runs several commands of Alembic in one process.
COMMANDS = """
import sys
from alembic.config import main
for line in sys.stdin:
    main(argv=line.strip().split(","))
"""
ADD_NOTE = '''"""Add a note."""
import sqlalchemy as sa
from alembic import op
revision = "0000note"
down_revision = "{head}"
def upgrade() -> None:
    op.add_column("products", sa.Column("note", sa.Text()))
def downgrade() -> None:
    op.drop_column("products", "note")
'''

# Waits until a query finds something, and prints it.
QUERY = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1].replace("+asyncpg", ""))
    while not (found := await connection.fetchval(sys.argv[2])):
        await asyncio.sleep(0.05)
    print(found)
asyncio.run(main())
"""
ROWS = 3500
INSERT = """INSERT INTO products (id, sku, stock, created_at, updated_at, is_deleted)
SELECT gen_random_uuid(), {prefix} || n, n, now(), now(), false FROM generate_series(1, {rows}) n"""
LATE_ROW = """SELECT FROM products
WHERE id = (SELECT id FROM products ORDER BY id OFFSET 3300 LIMIT 1) FOR UPDATE"""
# Migrations of a large table, each on top of the one before.
LARGE = [
    'add_column("products", sa.Column("rank", sa.Integer()))\n'
    # The version that runs goes on to create rows.
    '    add_column("products", sa.Column("grade", sa.Integer(), nullable=False), 1)',
    'add_index("products_rank_idx", "products", ["rank"])',
    'set_not_null("products", sa.column("rank", sa.Integer()), 0)',
]
STEP = '''"""One step."""
import sqlalchemy as sa
from migrations.v3 import add_column, add_index, set_not_null
revision = "large{number}"
down_revision = "{below}"
def upgrade() -> None:
    {step}
'''


@pytest.fixture(scope="module")
def project(programs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with a module of products."""
    target = tmp_path_factory.mktemp("live") / "service"
    return make_service(programs[0], target, {"modules": [PRODUCTS]})


@pytest.fixture(scope="module")
def server(project: Path, programs: tuple[Path, Path]) -> Iterator[str]:
    """A new server with databases for these tests."""
    with database(project, programs[1]) as url:
        create_databases(programs[1], url, "empty", "old", "live", "large")
        yield url.rpartition("/")[0]


def head_of(project: Path) -> str:
    """Return the newest revision of a service without branches."""
    texts = [path.read_text() for path in (project / "migrations/versions").glob("*.py")]
    revisions = {text.split('\nrevision: str = "')[1].split('"')[0] for text in texts}
    below = {text.split("down_revision: str | None = ")[1].split("\n")[0] for text in texts}
    return next(revision for revision in revisions if f'"{revision}"' not in below)


@pytest.mark.parametrize("start", ["empty", "old"])
def test_processes_that_migrate_at_once_wait_for_each_other(
    project: Path, programs: tuple[Path, Path], server: str, start: str
) -> None:
    below = ["head-1"] if start == "old" else []

    run(
        project,
        programs[1],
        *("python", "-c", AT_ONCE, ROUNDS, *below),
        DATABASE_URL=f"{server}/{start}",
    )


def test_migration_waits_briefly_for_a_table_and_tries_again(
    project: Path, programs: tuple[Path, Path], forks: Preforked, server: str, tmp_path: Path
) -> None:
    """A transaction that has read the table stays open; requests are served meanwhile."""
    url = f"{server}/live"
    settings = {"DATABASE_URL": url, "DATABASE_MIGRATION_LOCK_TIMEOUT_MS": "200"}
    forked = settings | forks.first("alembic", "uvicorn")
    with serving(project, programs[1], tmp_path / "log", **forked) as address:
        path = project / "migrations/versions/2026-01-01_add_note.py"
        path.write_text(ADD_NOTE.format(head=head_of(project)))
        with session(programs[1], url, "SELECT * FROM products"):
            migrating = migrate(project, programs[1], settings, "head")
            assert migrating.stderr
            warned = next(line for line in migrating.stderr if "table is locked" in line)
            waits = [wait_for(f"{address}/api/v1/products") for _ in range(20)]
            assert migrating.poll() is None
        _, last = migrating.communicate()
    path.unlink()

    assert "59 attempts are left" in warned
    assert migrating.returncode == 0, last
    assert max(waits) < 1  # the lock timeout, on a machine that does other things too


def test_large_table_is_migrated_while_it_is_written(
    project: Path, programs: tuple[Path, Path], forks: Preforked, server: str, tmp_path: Path
) -> None:
    """An index whose creation was killed is created again, and rows are filled in batches."""
    url, paths, below = f"{server}/large", [], head_of(project)
    settings = {"DATABASE_URL": url, "DATABASE_MIGRATION_LOCK_TIMEOUT_MS": "200"}
    forked = settings | forks.first("alembic", "uvicorn")
    with serving(project, programs[1], tmp_path / "log", **forked) as address:
        for number, step in enumerate(LARGE):
            paths.append(project / f"migrations/versions/large{number}.py")
            paths[-1].write_text(STEP.format(number=number, below=below, step=step))
            below = f"large{number}"
        with session(programs[1], url, INSERT.format(prefix="'a'", rows=ROWS)):
            pass
        run(project, programs[1], "alembic", "upgrade", "large0", **forked)
        with session(programs[1], url, INSERT.format(prefix="'b'", rows=1)):
            killed = migrate(project, programs[1], settings, "large1")
            found_by(programs[1], url, "SELECT 1 FROM pg_index WHERE NOT indisvalid")
            waits = [create(address, f"c{number}") for number in range(10)]
            killed.kill()
            building = migrate(project, programs[1], settings, "large1")
        *_, built = killed.communicate(), building.communicate()
        is_valid = (
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'products_rank_idx'::regclass"
        )
        found_by(programs[1], url, is_valid)
        with session(programs[1], url, LATE_ROW):
            filling = migrate(project, programs[1], settings, "large2")
            assert filling.stderr
            warned = next((line for line in filling.stderr if "is locked" in line), "")
            filled = found_by(programs[1], url, "SELECT count(rank) FROM products")
            waits += [create(address, f"d{number}") for number in range(10)]
        *_, left = filling.communicate()
    for path in paths:
        path.unlink()

    assert [building.returncode, filling.returncode] == [0, 0], [built, left]
    assert "attempts are left" in warned
    assert 3000 <= int(filled) < 3300
    assert max(waits) < 1


def migrate(
    project: Path, programs: Path, settings: dict[str, str], revision: str
) -> subprocess.Popen[str]:
    """Begin to migrate."""
    command = ["alembic", "upgrade", revision]
    given = variables(programs) | settings
    return subprocess.Popen(command, cwd=project, env=given, stderr=subprocess.PIPE, text=True)


def found_by(programs: Path, url: str, query: str) -> str:
    """Wait until a query finds something, and return it."""
    command = [str(programs / "bin/python"), "-c", QUERY, url, query]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def create(address: str, sku: str) -> float:
    """Create a row; return how long that took."""
    start = time.monotonic()
    created = requests.post(f"{address}/api/v1/products", json={"sku": sku, "stock": 1}, timeout=60)
    assert created.status_code == 201
    return time.monotonic() - start


def wait_for(url: str) -> float:
    """Send a request; return how long it took."""
    start = time.monotonic()
    assert requests.get(url, timeout=60).status_code == 200
    return time.monotonic() - start


def test_new_migration_never_overwrites_another(
    project: Path, programs: tuple[Path, Path], tmp_path: Path
) -> None:
    """Of the same day, with the same message or its first 40 characters, or named like cofee's."""
    long = "give each product a note of any length at"
    commands = [
        *("revision,-m,add stock", "revision,-m,add stock", "revision,-m,create products"),
        *(f"revision,-m,{long} all", f"revision,-m,{long} last"),
        *("revision,-m,other,--head,base,--splice", "merge,heads"),
    ]
    folder = project / "migrations/versions"
    before = {path: path.read_bytes() for path in folder.glob("*.py")}
    subprocess.run(
        ["python", "-c", COMMANDS],
        cwd=project,
        env=variables(programs[1]),
        input="\n".join(commands),
        text=True,
        check=True,
    )
    added = sorted(set(folder.glob("*.py")) - set(before))

    assert {path: path.read_bytes() for path in before} == before
    assert len(added) == len(commands)
    (merge,) = (path for path in added if "_merge_" in path.name)
    assert merge.read_text().startswith('"""Merge ')
    for path in added:
        path.unlink()
