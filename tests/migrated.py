"""Services in the states before and after migrations, on real databases with rows in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cofee.engine.render import Renderer
from cofee.project.staging import write_tree
from cofee.template import template as templates
from tests import pooling
from tests.evolutions import Record
from tests.generated import make_service, run
from tests.pooling import database
from tests.preforked import Preforked

DRIVER = str(Path(__file__).with_name("migrating.py"))
MIXED_IN = {"id", "created_at", "updated_at"}
DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(scope="module")
def server(
    template: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """One PostgreSQL for all tests here; each of them has its own databases."""
    project = make_service(template, tmp_path_factory.mktemp("server") / "service", {})
    with database(project, programs) as url:
        yield url


class Service:
    """A service in one state, whose steps are carried out on one database."""

    def __init__(self, project: Path, forks: Preforked, url: str) -> None:
        self.project, self.forks, self.url = project, forks, url

    def do(self, *steps: tuple[str, Any]) -> list[Any]:
        """Carry out steps; return what each of them found."""
        given = self.project / "steps.json"
        given.write_text(json.dumps(steps))
        code, printed = self.forks.run(
            self.project, DRIVER, given=given, variables={"DATABASE_URL": self.url}
        )
        assert code == 0, printed
        found: list[Any] = json.loads(printed.splitlines()[-1])
        return found


class Place:
    """The place of the services of one test: a template, a folder and a kind of database."""

    def __init__(
        self, template: Path, programs: Path, forks: Preforked, folder: Path, kind: str, server: str
    ) -> None:
        self.renderer = Renderer(templates.latest(str(template)))
        self.programs, self.forks = programs, forks
        self.folder, self.kind, self.server = folder, kind, server

    def service(
        self,
        name: str,
        modules: Sequence[Record],
        migrations: Sequence[Record],
        database: str,
        **options: str,
    ) -> Service:
        """Render a service with exactly these migrations."""
        project = self.folder / name
        given = {"modules": modules, "migrations": migrations}
        data = {"database": self.kind, "auth": "none", **options, **given}
        write_tree(self.renderer.render(self.renderer.settle(data, {}, name), "copy"), project)
        (project / ".env").write_bytes((project / ".env.example").read_bytes())
        return Service(project, self.forks, self.url(database))

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        if self.kind == "sqlite":
            return f"sqlite+aiosqlite:///{self.folder / name}.sqlite3"
        return f"{self.server.rsplit('/', 1)[0]}/{name}"


@pytest.fixture(params=DATABASES)
def place(
    request: pytest.FixtureRequest, template: Path, programs: Path, forks: Preforked, tmp_path: Path
) -> Place:
    """A folder for services on SQLite, then one for services on PostgreSQL."""
    kind = request.param
    server = request.getfixturevalue("server") if kind == "postgresql" else ""
    return Place(template, programs, forks, tmp_path, kind, server)


def create_databases(place: Place, *names: str) -> None:
    """Create databases in the server; SQLite creates its files itself."""
    if place.kind == "postgresql":
        pooling.create_databases(place.programs, place.server, *names)


def chain(migrations: Sequence[Record], start: str | None = None) -> list[Record]:
    """Number migrations, each on top of the one before."""
    done: list[Record] = []
    for place, migration in enumerate(migrations):
        revision = f"{start or 'c'}{place:03}"
        below = done[-1]["revision"] if done else start
        rest = {"revision": revision, "down_revision": below, "date": "2026-11-21"}
        done.append({**migration, **rest, "slug": f"step_{revision}"})
    return done


def creations(modules: Sequence[Record]) -> list[Record]:
    """Give the migrations that create the tables."""
    return chain([{"module": module["name"], "operation": "create"} for module in modules])


def without_mixin(rows: list[Record]) -> list[Record]:
    """Leave out what every row has."""
    return [{k: v for k, v in row.items() if k not in MIXED_IN} for row in rows]


def write_later(old: Service, new: Service) -> None:
    """Put the migrations of the old service below those of the new one."""
    for path in (old.project / "migrations/versions").glob("*.py"):
        (new.project / "migrations/versions" / path.name).write_bytes(path.read_bytes())


Rows = dict[str, list[Record]]


class Life(NamedTuple):
    """The rows of each table before the migrations, after them, and after the way back."""

    before: Rows
    migrated: Rows
    restored: Rows


def go_up_and_down(
    place: Place,
    old: Sequence[Record],
    new: Sequence[Record],
    steps: Callable[[str], list[Record]],
    rows: Sequence[tuple[str, str, Record]],
) -> Life:
    """Migrate a database with rows to the new modules, by steps on a revision, and back.

    The tables are what new ones would be, and on the way back what they were.
    """
    create_databases(place, "lived", "fresh")
    created = creations(old)
    below = created[-1]["revision"]
    before = place.service("old", old, created, "lived")
    after = place.service("new", new, steps(below), "lived")
    fresh = place.service("fresh", new, creations(new), "fresh")
    write_later(before, after)
    tables, reading = ([(one["name"], one["entity"]) for one in many] for many in (old, new))

    _, _, schema, rows_before = before.do(
        ("upgrade", "head"), ("insert", rows), ("schema", 0), ("read", tables)
    )
    _, _, new_schema, migrated, _ = after.do(
        ("upgrade", "head"), ("check", 0), ("schema", 0), ("read", reading), ("downgrade", below)
    )
    _, old_schema, restored = before.do(("check", 0), ("schema", 0), ("read", tables))
    _, fresh_schema = fresh.do(("upgrade", "head"), ("schema", 0))

    assert new_schema == fresh_schema
    assert old_schema == schema
    return Life(rows_before, migrated, restored)


def versions(
    place: Place, kind: str, modules: list[Record], steps: list[Record]
) -> dict[str, bytes]:
    """Render the migrations of a service on a kind of database."""
    given = {"database": kind, "auth": "none", "modules": modules, "migrations": steps}
    tree = place.renderer.render(place.renderer.settle(given, {}, "service"), "copy")
    return {path: file.content for path, file in tree.items() if "/versions/" in path}


def lint(place: Place, project: Path) -> None:
    """Run the service's own linter and formatter on its migrations."""
    run(project, place.programs, "ruff", "check", "migrations")
    run(project, place.programs, "ruff", "format", "--check", "migrations")
