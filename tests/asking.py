"""Asks the databases and libraries of a service which names they refuse, and prints JSON.

Run it with the Python of a service's environment.
"""

from __future__ import annotations

import _sqlite3
import asyncio
import ctypes
import ctypes.util
import json
import sqlite3
import sys
from collections.abc import Collection
from pathlib import Path

import asyncpg
import pydantic
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

sys.path.insert(0, str(Path(__file__).parents[1] / "template"))
from dev.postgresql import temporary_database

# Words of other categories can name anything.
POSTGRESQL_WORDS = """
SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'
UNION SELECT attname FROM pg_attribute WHERE attnum < 0
"""


def sqlite_words() -> set[str]:
    """Return the keywords of SQLite, which only its C interface lists."""
    library = ctypes.CDLL(_sqlite3.__file__)
    if not hasattr(library, "sqlite3_keyword_name"):  # SQLite is linked statically.
        library = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
    text, length = ctypes.c_char_p(), ctypes.c_int()
    words = set()
    for number in range(library.sqlite3_keyword_count()):
        library.sqlite3_keyword_name(number, ctypes.byref(text), ctypes.byref(length))
        words.add((text.value or b"")[: length.value].decode().lower())
    return words


def uses(table: str, column: str, dialect: Dialect) -> str:
    """Return each kind of statement that a service runs on a column, as SQLAlchemy writes it."""
    rows = sa.Table(table, sa.MetaData(), sa.Column("id", sa.Text()), sa.Column(column, sa.Text()))
    value = rows.c[column]
    statements = (
        CreateTable(rows),
        CreateIndex(sa.Index("an_index", value)),
        sa.insert(rows).values({"id": "1", column: "a"}).returning(rows),
        sa.select(rows).where(value > "").order_by(value.desc()),
        sa.update(rows).values({column: "b"}).where(value == "a"),
        sa.delete(rows).where(value == "b"),
        DropTable(rows),
    )
    literal = {"literal_binds": True}
    return ";".join(str(one.compile(dialect=dialect, compile_kwargs=literal)) for one in statements)


def condition(column: str) -> str:
    """Return a query with a condition that names a column without quotes; it fails or gives 1."""
    return f"SELECT count(*) FROM (SELECT 'a' AS \"{column}\") AS rows WHERE {column} = 'a'"  # noqa: S608


async def ask_postgresql(url: str, words: Collection[str]) -> dict[str, list[str]]:
    """Return the words that PostgreSQL refuses, by what they name."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    own = [row["word"] for row in await connection.fetch(POSTGRESQL_WORDS)]

    async def refuses(script: str) -> bool:
        try:
            await connection.execute(script)
        except asyncpg.PostgresError:
            return True
        return False

    async def misreads(query: str) -> bool:
        return await refuses(query) or await connection.fetchval(query) != 1

    asked, dialect = sorted({*words, *own}), sa.make_url(url).get_dialect()()
    found = {
        "columns": [word for word in asked if await refuses(uses("a_table", word, dialect))],
        "tables": [word for word in asked if await refuses(uses(word, "a_column", dialect))],
        "conditions": [word for word in asked if await misreads(condition(word))],
        "asked": asked,
    }
    await connection.close()
    return found


def ask_sqlite(words: Collection[str]) -> dict[str, list[str]]:
    """Return the words that SQLite refuses, by what they name."""

    def refuses(script: str) -> bool:
        try:
            sqlite3.connect(":memory:").executescript(script)
        except sqlite3.Error:
            return True
        return False

    def misreads(query: str) -> bool:
        return refuses(query) or sqlite3.connect(":memory:").execute(query).fetchone() != (1,)

    dialect = sa.make_url("sqlite://").get_dialect()()
    return {
        "columns": [word for word in words if refuses(uses("a_table", word, dialect))],
        "tables": [word for word in words if refuses(uses(word, "a_column", dialect))],
        "conditions": [word for word in words if misreads(condition(word))],
    }


def public(model: type) -> list[str]:
    """Return the attributes of a class that begin with a letter."""
    return [name for name in dir(model) if not name.startswith("_")]


def main() -> None:
    """Ask everything, and print the answers."""
    with temporary_database() as url:
        of_postgresql = asyncio.run(ask_postgresql(url, sqlite_words()))
    of_sqlite = ask_sqlite(of_postgresql["asked"])
    answers = {kind: sorted({*of_postgresql[kind], *words}) for kind, words in of_sqlite.items()}
    answers["pydantic"] = public(pydantic.BaseModel)
    answers["sqlalchemy"] = public(type("Base", (DeclarativeBase,), {}))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
