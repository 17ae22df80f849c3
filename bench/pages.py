"""Pages of lists in tables of one size: the plan of each, and how long the database takes.

It runs in a generated service with the modules of `bench.scale`, on an empty database. For each
page it waits for a line, and prints one of JSON.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

Statements = Sequence[tuple[str, Any]]

GROUPS, USERS = 4, 2
TABLES, TIMES = ("things", "notes", "jobs"), ("created_at", "updated_at")
# The values of row `g`, on each database.
SERIES = {
    "postgresql": "SELECT g FROM generate_series(1, {0}::bigint) g",
    "sqlite": "WITH RECURSIVE s(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM s WHERE g < {0})"
    " SELECT g FROM s",
}
VALUES = {
    "postgresql": {
        "id": "lpad(to_hex(g), 32, '0')::uuid",
        "created_at": "now() - g * interval '1 second'",
        "updated_at": "now() - (g * 7919 % 1000003) * interval '1 second'",
        "is_deleted": "g % 50 = 0",
        "is_active": "true",
        "name": "md5(g::text)",
        "price": "CASE WHEN g % 5 > 0 THEN g * 7919 % 1000003 / 100.0 END",
        "status": "chr(97 + (g % 4)::int)",
        "group_id": f"lpad(to_hex(1 + g / 8 % {GROUPS}), 32, '0')::uuid",
        "user_id": f"lpad(to_hex(1 + g / 4 % {USERS}), 32, '0')::uuid",
        "owner_id": f"lpad(to_hex(1 + g / 4 % {USERS}), 32, '0')::uuid",
        "arguments": "'{}'",
    },
    "sqlite": {
        "id": "printf('%032x', g)",
        "created_at": "strftime('%Y-%m-%d %H:%M:%f000', 1e9 - g, 'unixepoch')",
        "updated_at": "strftime('%Y-%m-%d %H:%M:%f000', 1e9 - g * 7919 % 1000003, 'unixepoch')",
        "is_deleted": "g % 50 = 0",
        "is_active": "true",
        "name": "hex(randomblob(8))",
        "price": "CASE WHEN g % 5 > 0 THEN g * 7919 % 1000003 END",
        "status": "char(97 + g % 4)",
        "group_id": f"printf('%032x', 1 + g / 8 % {GROUPS})",
        "user_id": f"printf('%032x', 1 + g / 4 % {USERS})",
        "owner_id": f"printf('%032x', 1 + g / 4 % {USERS})",
        "arguments": "'{}'",
    },
}
# The values of columns that have the same name in another table.
OWN_VALUES = {
    ("users", "role"): "'user'",
    ("jobs", "status"): "CASE WHEN g % 4 = 1 THEN 'failed' ELSE 'succeeded' END",
}
# A row without a price, one with a price, and the first group or user, by their numbers.
EMPTY, GIVEN, FIRST = 5, 6, uuid.UUID(int=1)


class Page(NamedTuple):
    """A page of a list, in an order and after a row."""

    table: str
    rows: str
    sort: str
    start: str


class Lists:
    """The lists of the modules `things` and `notes`, and of the jobs of a part."""

    def __init__(self, session: AsyncSession, size: int) -> None:
        from app.modules.jobs import models as jobs
        from app.modules.jobs.repository import JobRepository
        from app.modules.jobs.schemas import JobQuery
        from app.modules.notes import models as notes
        from app.modules.notes.repository import NoteRepository
        from app.modules.notes.schemas import NoteQuery
        from app.modules.things import models as things
        from app.modules.things.repository import ThingRepository
        from app.modules.things.schemas import ThingQuery

        thing, note, job = (
            repository(session) for repository in (ThingRepository, NoteRepository, JobRepository)
        )
        self.session = session
        self.middle = size // 200 * 100
        self.models = {
            "things": (things.Thing, ThingQuery),
            "notes": (notes.Note, NoteQuery),
            "jobs": (jobs.Job, JobQuery),
        }
        self.found: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("things", "all"): thing.list_page,
            ("things", "by status"): thing.list_page,
            ("things", "of a group"): partial(thing.list_page_by_group, FIRST),
            ("notes", "of a user"): partial(note.list_page, FIRST),
            ("notes", "of a user, by status"): partial(note.list_page, FIRST),
            ("notes", "of a user and a group"): partial(note.list_page_by_group, FIRST, FIRST),
            ("jobs", "of an owner"): partial(job.list_page, FIRST),
            ("jobs", "of an owner, by status"): partial(job.list_page, FIRST),
        }

    def pages(self) -> Iterator[Page]:
        """Yield the first page of each list and order, one in the middle, one without values."""
        for (table, rows), column, sign in product(
            self.found, ("id", "name", "price", *TIMES), ("", "-")
        ):
            if hasattr(self.models[table][0], column):
                for start in ("first", "deep", *(["null"] if column == "price" else [])):
                    yield Page(table, rows, f"{sign}{column}", start)
        yield Page("things", "with a text", "id", "first")

    async def fetch(self, page: Page) -> None:
        """Fetch a page as the route does."""
        from app.db.keyset import Order

        model, query = self.models[page.table]
        status = "failed" if page.table == "jobs" else "b"
        filters: dict[str, Any] = {"status": [status]} if "by status" in page.rows else {}
        if page.rows == "with a text":
            filters["search"] = "a0b1c2"
        cursor = None
        if page.start != "first":
            number = self.middle + (EMPTY if page.start == "null" else GIVEN)
            column = getattr(model, page.sort.removeprefix("-"))
            order = Order(column, model.id, page.sort.startswith("-"))
            cursor = order.cursor_of(await self.session.get(model, uuid.UUID(int=number)))
        STATEMENTS.clear()
        select = self.found.get((page.table, page.rows), self.found["things", "all"])
        await select(query(sort=page.sort, cursor=cursor, **filters))


# The statements of the last page, with their values.
STATEMENTS: list[tuple[str, Any]] = []


async def fill(connection: AsyncConnection, size: int) -> None:
    """Add rows to the tables, and let the database look at them."""
    from app.db.base import Base

    database, few = connection.dialect.name, {"users": USERS, "groups": GROUPS}
    for name in (*few, *TABLES):
        table, known = Base.metadata.tables[name], VALUES[database]
        columns = [one.name for one in table.columns if one.name in known or not one.nullable]
        given = [OWN_VALUES.get((name, column), known.get(column, "g")) for column in columns]
        values = ", ".join(given)
        numbers = SERIES[database].format(few.get(name, size))
        rows = f"SELECT {values} FROM ({numbers}) numbers"  # noqa: S608  # they are our own
        await connection.execute(sa.text(f"INSERT INTO {name} ({', '.join(columns)}) {rows}"))
    await connection.commit()
    if database == "postgresql":
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("VACUUM ANALYZE"))
    else:
        await connection.execute(sa.text("ANALYZE"))
        await connection.commit()


async def explained(connection: AsyncConnection, statements: Statements) -> list[str]:
    """Return the steps of the plans of some statements."""
    found: list[str] = []
    for statement, values in statements:
        if connection.dialect.name == "sqlite":
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            found += [row[3] for row in plan]
        else:
            plan = await connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {statement}", values)
            found += [row[0].strip(" ->") for row in plan]
    return found


async def milliseconds(connection: AsyncConnection, statements: Statements, runs: int) -> float:
    """Return the least time that the database takes for some statements in several runs."""
    found = []
    for _ in range(runs):
        total = 0.0
        for statement, values in statements:
            if connection.dialect.name == "sqlite":
                raw = (await connection.get_raw_connection()).driver_connection
                start = time.perf_counter()
                await raw.execute_fetchall(statement, values)
                total += (time.perf_counter() - start) * 1000
            else:
                plan = await connection.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", values
                )
                total += plan.scalar_one()[0]["Execution Time"]
        found.append(total)
    return min(found)


def _remember(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
    STATEMENTS.append((statement, values))


async def main(runs: int, size: int) -> None:
    """Print the plan of each page, and the milliseconds if there are runs."""
    import app.api.v1.router  # noqa: F401  # imports every model
    from app.db.session import get_engine

    engine = get_engine()

    sa.event.listen(engine.sync_engine, "before_cursor_execute", _remember)
    async with engine.connect() as connection:
        await fill(connection, size)
    options = importlib.import_module(f"app.db.{engine.dialect.name}").READING
    reading = engine.execution_options(**options)
    async with reading.connect() as connection, AsyncSession(connection) as session:
        lists = Lists(session, size)
        for page in lists.pages():
            sys.stdin.readline()
            await lists.fetch(page)
            statements = [*STATEMENTS]
            plan = await explained(connection, statements)
            taken = await milliseconds(connection, statements, runs) if runs else None
            print(json.dumps([size, *page, plan, taken]), flush=True)
    await engine.dispose()
    sys.stdin.readline()  # asks for a page that does not exist


if __name__ == "__main__":
    subprocess.run(["alembic", "upgrade", "head"], check=True, stdout=sys.stderr)
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
