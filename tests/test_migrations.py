"""Migrations of every operation, up and down on real databases with rows in them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cofee.engine.render import Renderer
from cofee.project.staging import write_tree
from cofee.template import template as templates
from tests import pooling
from tests.evolutions import (
    ADDED,
    ANN,
    BOB,
    CHANGES,
    FIRST,
    NEW,
    OLD,
    PARENTS,
    REFERENCES,
    ROWS,
    STEPS,
    Record,
)
from tests.generated import check_types, environment, make_service, run, snapshot_template
from tests.pooling import database
from tests.preforked import Preforked
from tests.refusals import REFUSALS

pytestmark = pytest.mark.service

DRIVER = str(Path(__file__).with_name("migrating.py"))
MIXED_IN = {"id", "created_at", "updated_at"}
DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree, as a release."""
    return snapshot_template(tmp_path_factory.mktemp("snapshot") / "template")


@pytest.fixture(scope="module")
def programs(template: Path) -> Path:
    """The one environment of all generated services."""
    return environment(template)


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


def test_every_operation_goes_up_and_down_and_loses_nothing(place: Place) -> None:
    """The tables are what new ones would be, rows keep their values, and the way back is whole."""
    create_databases(place, "lived", "fresh")
    created = creations(OLD)
    below = created[-1]["revision"]
    old = place.service("old", OLD, created, "lived")
    new = place.service("new", NEW, chain(STEPS, below), "lived")
    fresh = place.service("fresh", NEW, creations(NEW), "fresh")
    write_later(old, new)
    tables = [(module["name"], module["entity"]) for module in OLD]
    reading = [(module["name"], module["entity"]) for module in NEW]

    _, _, schema, rows = old.do(
        ("upgrade", "head"), ("insert", ROWS), ("schema", 0), ("read", tables)
    )
    _, _, up_schema, up_rows, _ = new.do(
        ("upgrade", "head"), ("check", 0), ("schema", 0), ("read", reading), ("downgrade", below)
    )
    _, down_schema, down_rows = old.do(("check", 0), ("schema", 0), ("read", tables))
    _, fresh_schema = fresh.do(("upgrade", "head"), ("schema", 0))

    assert up_schema == fresh_schema
    assert down_schema == schema
    assert_changed(up_rows)
    assert_came_back(rows, down_rows)


def assert_changed(rows: dict[str, list[Record]]) -> None:
    """Compare the rows after all operations with what each operation promises."""
    columns = {field["name"]: answer for field, _, answer in ADDED if "to" not in field}
    added = {**columns, "buyer_id": ANN, "double_id": None, "friend_ids": [], "payer_id": None}
    assert without_mixin(rows["growing"]) == [{"name": "a", **added}, {"name": "b", **added}]
    secrets = {uuid.UUID(row["secret"]) for row in rows["growing"]}
    assert [secret.version for secret in secrets] == [4, 4]
    assert {row["due"] for row in rows["growing"]} == {
        row["placed_at"][:10] for row in rows["growing"]
    }
    assert without_mixin(rows["shrinking"]) == [{"name": "a"}]
    (changed,) = without_mixin(rows["changing"])
    expected = {name: answer for name, (_, _, _, answer) in CHANGES.items()}
    assert changed == expected | {column: ANN for _, _, _, column in REFERENCES.values()}
    assert without_mixin(rows["user"]) == [{"code": "x", "buyer_id": ANN, "reader_ids": [ANN, BOB]}]
    assert [row["parent_id"] for row in rows["wares"]] == [None, FIRST, None]
    assert [row["peer_ids"] for row in rows["wares"]] == [[], [], [FIRST]]
    assert len(rows["lines"]) == 1


def assert_came_back(before: dict[str, list[Record]], after: dict[str, list[Record]]) -> None:
    """Compare the rows after the way down with those before the way up."""
    assert before.pop("dying")
    assert after.pop("dying") == []
    (lost,), (kept,) = before.pop("shrinking"), after.pop("shrinking")
    assert kept == lost | {"code": None, "price": "1.50", "buyer_id": None}
    assert after == before


def test_a_migration_that_rows_do_not_fit_says_so_and_changes_nothing(place: Place) -> None:
    """How many rows, which column and what is allowed; the other rows are not touched either."""
    create_databases(place, "refused")
    modules = [*PARENTS, *(refused(name) for name in REFUSALS)]
    created = creations(modules)
    below = created[-1]["revision"]
    steps = [
        {**refusing(name), "revision": name, "down_revision": below, "slug": f"refuse_{name}"}
        for name in REFUSALS
    ]
    service = place.service("service", modules, [*created, *steps], "refused")
    rows = [*ROWS[:4], *(row for name in REFUSALS for row in rows_of(name))]

    _, _, found = service.do(("upgrade", below), ("insert", rows), ("refuse", list(REFUSALS)))

    for (name, (*_, words)), (message, is_same) in zip(REFUSALS.items(), found, strict=True):
        assert words in message, message
        assert message.startswith(f"table_{name}."), message
        assert is_same, message
    if place.kind == "postgresql":
        scripts = service.do(*[("print_sql", f"{below}:{name}") for name in REFUSALS])
        reasons = service.do(*[("execute", script) for script in scripts])
        for message, (reason, _) in zip(reasons, found, strict=True):
            assert message == reason or "date" in message, message


def refused(name: str) -> Record:
    """Give the module whose change is refused."""
    old = REFUSALS[name][0]
    fields = [{"name": "field", **old}] if old else []
    return {
        "name": f"table_{name}",
        "entity": f"Row{name.title().replace('_', '')}",
        "fields": fields,
    }


def refusing(name: str) -> Record:
    """Give the migration that is refused."""
    old, new, *_ = REFUSALS[name]
    common = {"module": f"table_{name}", "date": "2026-11-21", "backfill": {}}
    field = {"name": "field", **new}
    if not old:
        backfill = {"field": FIRST} if new["type"] == "ref" else {}
        return {**common, "operation": "add_fields", "fields": [field], "backfill": backfill}
    change = {"old": {"name": "field", **old}, "new": field}
    return {**common, "operation": "change_fields", "changes": [change]}


def rows_of(name: str) -> list[tuple[str, str, Record]]:
    """Give rows, some of which do not fit."""
    module = refused(name)
    old, _, values, _ = REFUSALS[name]
    return [
        (module["name"], module["entity"], {"id": id_, **({"field": value} if old else {})})
        for id_, value in zip((FIRST, ANN), values, strict=True)
    ]


def versions(
    place: Place, kind: str, modules: list[Record], steps: list[Record]
) -> dict[str, bytes]:
    """Render the migrations of a service on a kind of database."""
    given = {"database": kind, "auth": "none", "modules": modules, "migrations": steps}
    tree = place.renderer.render(place.renderer.settle(given, {}, "service"), "copy")
    return {path: file.content for path, file in tree.items() if "/versions/" in path}


@pytest.mark.parametrize("place", DATABASES[:1], indirect=True)
def test_migrations_pass_the_checks_of_the_service(place: Place) -> None:
    """A service's own lint, format and types find nothing in what the operations write.

    It is the same on every database, so one is enough.
    """
    created = creations(OLD)
    below = created[-1]["revision"]
    steps = [*chain(STEPS, below), *({**refusing(n), "down_revision": below} for n in REFUSALS)]
    named = [{**one, "revision": f"r{i}", "slug": f"s{i}"} for i, one in enumerate(steps)]
    project = place.service("checked", OLD, [*created, *named], "checked").project

    first, second = (versions(place, kind, OLD, [*created, *named]) for kind in DATABASES)
    assert first == second
    lint(place, project)
    check_types(project, place.programs, "mypy", "migrations")


def lint(place: Place, project: Path) -> None:
    """Run the service's own linter and formatter on its migrations."""
    run(project, place.programs, "ruff", "check", "migrations")
    run(project, place.programs, "ruff", "format", "--check", "migrations")
