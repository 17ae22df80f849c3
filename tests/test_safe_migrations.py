"""Migrations of tables that are in use: what their SQL locks, and how they continue."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import evolutions, test_rule_migrations
from tests.evolutions import CHANGES, PARENTS, REFERENCES, Record
from tests.generated import EVERY_PART, make_service
from tests.migrated import (
    DATABASES,
    Place,
    Service,
    chain,
    create_databases,
    creations,
    lint,
    place,
    server,
    write_later,
)
from tests.released import programs, template
from tests.strategies import with_rules

pytestmark = [
    pytest.mark.service,
    pytest.mark.parametrize("place", DATABASES[1:], indirect=True),
]

__all__ = ["place", "programs", "server", "template"]  # pytest finds the fixtures by their names

PAGE = Path(__file__).parents[1] / "docs/production.md"
DOCUMENTED = re.compile(r"^\| `([a-z-]+)` \| (any|locked) \|", re.MULTILINE)
# Changes of fields for which no row is written or read under a lock.
LIVING = (
    *("longer", "choice", "choices", "wider", "tightened", "loosened", "keyed", "unkeyed"),
    *("caseless", "cased", "drawn", "indexed", "kept", "owner"),
)
INTERRUPTED = ("growing", "shrinking", "living", "bound", "hardening")
# What no command writes: a unique constraint, and a reference without a rule for deletions.
HAND_WRITTEN = (
    "    __table_args__",
    """    code: Mapped[str | None] = mapped_column(sa.String(20), unique=True)
    other_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("suppliers.id"))

    __table_args__""",
)
SHORT = {"name": "short", "type": "str", "max_length": 20}
CHOICE = {"name": "short", "type": "enum", "values": ["a", "b"]}
# Settings that a service needs in order to start, and no migration.
UNUSED = {
    "S3_ACCESS_KEY_ID": "a",
    "S3_SECRET_ACCESS_KEY": "b",
    "REDIS_URL": "redis://localhost",
    "EMBEDDING_URL": "http://localhost",
    "EMBEDDING_MODEL": "c",
    "QDRANT_URL": "http://localhost",
}
HELPERS = (
    *("add_column", "add_index", "drop_index", "add_check", "add_unique", "add_foreign_key"),
    *("add_reference", "alter_column", "drop_column", "drop_constraint", "set_not_null"),
)
RULED = ("makers", "bound", "freed", "hardening", "softening")


def living(side: int) -> list[Record]:
    """Give the fields of a module as they are before (0) or after (1)."""
    every: dict[str, Any] = CHANGES | REFERENCES
    return [{"name": name, **every[name][side]} for name in LIVING]


def sides() -> tuple[list[Record], list[Record]]:
    """Give all modules before and after the migrations."""
    ruled = [
        [one for one in modules if one["name"] in RULED]
        for modules in (test_rule_migrations.OLD, test_rule_migrations.NEW)
    ]
    old, new = ({"name": "living", "entity": "Living", "fields": living(n)} for n in (0, 1))
    return [*evolutions.OLD, old, *ruled[0]], [*evolutions.NEW, new, *ruled[1]]


OLD, NEW = sides()


def steps() -> list[Record]:
    """Give every operation, as the commands record it."""
    changes = [{"old": o, "new": n} for o, n in zip(living(0), living(1), strict=True)]
    change = {"module": "living", "operation": "change_fields", "changes": changes}
    ruled = [step for step in test_rule_migrations.STEPS if step["module"] in RULED]
    return [
        *evolutions.STEPS,
        {**change, "backfill": {"tightened": 60}},
        *(with_rules(step, test_rule_migrations.OLD, test_rule_migrations.NEW) for step in ruled),
    ]


def squawk(script: str) -> set[str]:
    """Return the rules of squawk that a script breaks."""
    command = ["squawk", "--reporter", "json", "--pg-version", "14"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    return {found["rule_name"] for found in json.loads(done.stdout)}


def accepted() -> dict[str, bool]:
    """Return the rules that are documented, and whether they are for locked tables alone."""
    return {rule: where == "locked" for rule, where in DOCUMENTED.findall(PAGE.read_text())}


def lived(place: Place, *databases: str) -> tuple[list[Service], str, list[Record]]:
    """Give services with all migrations, the revision with the old tables, and what follows."""
    created = creations(OLD)
    below = created[-1]["revision"]
    done = chain(steps(), below)
    old = place.service("old", OLD, created, databases[0])
    new = place.service("new", NEW, done, databases[0])
    write_later(old, new)
    services = [Service(new.project, new.forks, place.url(name)) for name in databases]
    return services, below, done


def test_sql_of_all_operations_locks_no_table_for_long(place: Place) -> None:
    """What squawk finds is documented, each rule with its reason, and nothing else is."""
    (service,), below, done = lived(place, "printed")
    first = chain([{}])[0]["revision"]  # the table of Alembic itself is before it
    revisions = [below, *(one["revision"] for one in done)]
    pairs = [*itertools.pairwise(revisions)]
    scripts = service.do(
        ("print_sql", f"{first}:{below}"),
        ("print_downgrade", f"{below}:{first}"),
        *[("print_sql", f"{old}:{new}") for old, new in pairs],
        *[("print_downgrade", f"{new}:{old}") for old, new in pairs],
    )

    modules = [one["module"] for one in done]
    ups = [module == "changing" for module in modules]
    downs = [module in ("changing", "living") for module in modules]  # shorter texts
    found: dict[str, bool] = {}
    for script, is_locked in zip(scripts, [False, False, *ups, *downs], strict=True):
        for rule in squawk(script):
            found[rule] = found.get(rule, True) and is_locked
    assert found == accepted()


def test_migrations_that_poe_migration_writes_lock_no_table_for_long(place: Place) -> None:
    """They differ in every way that Alembic finds, and each kind of statement is interrupted."""
    before, after, added = (
        {"name": "living", "entity": "Living", "fields": [*living(0), SHORT]},
        {"name": "living", "entity": "Living", "fields": [*living(1), CHOICE]},
        {"name": "added", "entity": "Added", "fields": [{**REFERENCES["owner"][1], "name": "ann"}]},
    )
    create_databases(place, "found")
    created = creations([*PARENTS, before])
    old = place.service("old", [*PARENTS, before], created, "found")
    new = place.service("new", [*PARENTS, after, added], created[:-1], "found")
    write_later(old, new)
    model = new.project / "app/modules/living/models.py"
    model.write_text(model.read_text().replace(*HAND_WRITTEN))

    old.do(("upgrade", "head"))
    new.do(("autogenerate", "follow the models"))
    (path,) = new.project.glob("migrations/versions/*_follow_the_models.py")
    *_, up, down, _ = new.do(
        *[("interrupt", "head"), ("check", 0), ("print_sql", f"{created[-1]['revision']}:head")],
        *[("print_downgrade", "head:-1"), ("downgrade", "-1")],
    )
    new.do(("repeat_on_sqlite", 0))
    old.do(("check", 0))

    lint(place, new.project)
    assert {*HELPERS} <= {*re.findall(r"^    ([a-z_]+)\(", path.read_text(), re.MULTILINE)}
    assert squawk(up) <= {rule for rule, is_locked in accepted().items() if not is_locked}
    assert squawk(down) <= {*accepted()}


def test_sql_of_the_tables_of_parts_locks_no_table_for_long(
    place: Place, template: Path, tmp_path: Path
) -> None:
    project = make_service(template, tmp_path / "parts", EVERY_PART)
    with (project / ".env").open("a") as settings:
        settings.write("\n".join(f"{name}={value}" for name, value in UNUSED.items()))
    (script,) = Service(project, place.forks, place.url("parts")).do(("print_sql", "head"))

    assert script.count("CREATE TABLE") > 10
    assert squawk(script) <= {rule for rule, is_locked in accepted().items() if not is_locked}


def test_printed_sql_and_interrupted_migrations_do_what_migrations_do(place: Place) -> None:
    """The connection is lost at each kind of statement, and they run again."""
    names = ("online", "printed", "interrupted")
    create_databases(place, *names)
    (online, printed, interrupted), below, done = lived(place, *names)
    *_, up, _, down = online.do(
        *[("upgrade", "head"), ("check", 0), ("dump", 0), ("downgrade", below), ("dump", 0)]
    )
    scripts = printed.do(("print_sql", "head"), ("print_downgrade", f"head:{below}"))
    results = printed.do(*[step for one in scripts for step in (("execute", one), ("dump", 0))])
    ways = ["interrupt" if one["module"] in INTERRUPTED else "upgrade" for one in done]
    attempts = [(way, one["revision"]) for way, one in zip(ways, done, strict=True)]
    *_, again = interrupted.do(("upgrade", below), *attempts, ("dump", 0))

    assert [results[0], results[2]] == [None, None]
    assert without_moments(results[1]) == without_moments(up)
    assert without_moments(results[3]) == without_moments(down)
    assert without_moments(again) == without_moments(up)


def without_moments(dumped: str) -> str:
    """Leave out the values that depend on the time."""
    return re.sub(r"'20\d\d-[^']*'", "''", dumped)
