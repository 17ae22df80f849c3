"""Conditions in `checks` of a module: SQL with the same meaning on both databases.

SQLite parses them on a scratch table with the columns of the module, and reports the columns and
functions that they use.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Mapping, Set
from contextlib import closing

from cofee.errors import CofeeError, listing, quote
from cofee.spec import reserved
from cofee.spec.facts import Facts
from cofee.spec.record import LABEL, Field, Module

# Functions that return the same on PostgreSQL and SQLite.
FUNCTIONS = ("abs", "coalesce", "length", "nullif", "replace", "substr", "trim")
# What SQLite accepts and PostgreSQL rejects, or understands differently.
FOREIGN = re.compile(
    r"==|[/;`\[\]{}#$?@:\\^&~]|--|/\*|<<|>>|->|\.\s*[a-z_\"]|\b(?:0x|x'')"
    r"|\b(?:collate|glob|regexp|match|isnull|notnull)\b|\bsubstr\s*\([^(),]*,\s*-"
    r"|[<>=]\s*(?:null\b|[\w.\"]+\s*[<>=!])"
    r"|\bis\b\s*(?:not\b\s*)?(?!\s|(?:not|null|true|false|distinct)\b)"
)
TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[A-Za-z_]\w*|.", re.DOTALL)
SPACES = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\s+")
# How SQLite compares the values of a kind of column.
AFFINITIES = {
    **dict.fromkeys(("string", "choice", "uuid"), "TEXT"),
    **dict.fromkeys(("integer", "seconds", "decimal"), "INTEGER"),
    "number": "REAL",
}
# What PostgreSQL compares with one another; the other values only with their own kind.
KINDS = {
    **dict.fromkeys(("integer", "number", "decimal"), "number"),
    **dict.fromkeys(("string", "choice"), "text"),
}
# A comparison of single numbers or columns.
SIDE = r"(\d+(?:\.\d+)?|\"[^\"]*\"|[A-Za-z_]\w*)(?![\w.]|\s*\()"
COMPARISON = re.compile(
    rf"(?<![\w.\"]){SIDE}\s*(?:[<>=!]+|(?:not\s+)?(?:between\b|in\s*\())\s*[-+]?\s*(?={SIDE})",
    re.IGNORECASE,
)


def require_possible(check: str, module: Module, facts: Facts, rule: str = "checks") -> None:
    """Reject SQL that is not a condition on the columns, or differs between databases.

    Args:
        rule: the rule that has the condition, for the message.

    Raises:
        CofeeError: what is wrong with it.
    """
    _require_plain(check, rule)
    _require_kinds(check, module, facts, rule)
    own = columns_of(module, facts)
    columns, functions = _read(check, own, facts, rule)
    for name in sorted(columns - own.keys()) or ([] if columns else [check]):
        raise CofeeError(
            f"`{rule}`: {quote(name)} in {quote(check)} is not a column of `{module.name}`; "
            f"columns are {listing(own)}"
        )
    for name in sorted(functions - {*FUNCTIONS}):
        raise CofeeError(
            f"`{rule}`: `{name}` in {quote(check)} is not the same on PostgreSQL and SQLite; "
            f"functions are {listing(FUNCTIONS)}"
        )


def columns_of(module: Module, facts: Facts) -> dict[str, Field]:
    """Return the columns that a check can name, with their fields: those with plain values."""
    return {
        field.column: field
        for field in module.fields
        if not facts.is_link(field.type)
        and (field.to is not None or facts.types[field.type].value != "none")
    }


def label(check: str) -> str:
    """Return what tells a condition from others in names of constraints, as the template does."""
    return hashlib.sha1(check.encode(), usedforsecurity=False).hexdigest()[:LABEL]


def fields(check: str, module: Module, facts: Facts) -> list[str]:
    """Return the fields with columns in a check, in the order of the module."""
    named = {token.strip('"') for token in TOKEN.findall(check) if not token.startswith("'")}
    return [field.name for name, field in columns_of(module, facts).items() if name in named]


def renamed(check: str, names: Mapping[str, str]) -> str:
    """Return a check with renamed columns; string literals are not changed."""

    def rename(found: re.Match[str]) -> str:
        token = found[0]
        if token.startswith('"'):
            return f'"{names.get(token[1:-1], token[1:-1])}"'
        name = token.lower()  # outside of quotes, SQL ignores case
        return _quoted(names[name]) if name in names else token

    return TOKEN.sub(rename, check)


def written(check: str, module: Module, facts: Facts) -> str:
    """Write a check on one line, with those columns in quotes that are words of SQL."""
    names = {name: name for name in columns_of(module, facts)}
    spaced = SPACES.sub(lambda found: " " if found[0].isspace() else found[0], check.strip())
    return renamed(spaced, names)


def _quoted(name: str) -> str:
    return f'"{name}"' if name in reserved.SQL else name


def _require_plain(check: str, rule: str) -> None:
    """Reject SQL that is not an expression in parentheses or not valid on one of the databases."""
    outside = TOKEN.sub(lambda one: one[0][0] * 2 if one[0][0] in "'\"" else one[0], check)
    found = FOREIGN.search(outside.lower())
    odd = [char for char in check if char in ":\\" or not char.isprintable()]
    if found or odd:
        what = found[0].strip() if found else odd[0]
        raise CofeeError(
            f"`{rule}`: {quote(check)} has {quote(what)}, which is not allowed in a check",
            hint="use `=` for equality, multiply instead of dividing, and write plain SQL",
        )
    depth = 0
    for character in outside:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
    if depth:
        raise CofeeError(f"`{rule}`: the parentheses in {quote(check)} must match")


def _require_kinds(check: str, module: Module, facts: Facts, rule: str) -> None:
    """Reject comparisons of values of two kinds, which only SQLite allows."""
    own = columns_of(module, facts)

    def kind(side: str) -> str | None:
        field = own.get(side.strip('"'))
        if field is None:
            return "number" if side[0].isdigit() else None
        value = facts.types[field.type].value if field.to is None else "reference"
        return KINDS.get(value, value)

    for found in COMPARISON.finditer(re.sub(r"'(?:[^']|'')*'", "''", check)):
        kinds = {kind(found[1]), kind(found[2])} - {None}
        if len(kinds) > 1:
            raise CofeeError(
                f"`{rule}`: {quote(found[0] + found[2])} in {quote(check)} compares values of "
                "two kinds, which PostgreSQL rejects",
                hint="compare columns of one kind; a `bool` is a condition itself: `NOT active`",
            )


def _read(
    check: str, own: Mapping[str, Field], facts: Facts, rule: str
) -> tuple[Set[str], Set[str]]:
    """Return the columns and functions in a check, as parsed by SQLite."""
    columns: set[str] = set()
    functions: set[str] = set()

    def note(action: int, first: str | None, second: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and first == "scratch":
            columns.add(str(second))
        elif action == sqlite3.SQLITE_FUNCTION:
            functions.add(str(second).lower())
        return sqlite3.SQLITE_OK

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_authorizer(note)
        try:
            connection.execute(f"{scratch(own, facts)[:-1]}, CHECK ({check}))")
            (is_value,) = connection.execute(_gives_value(check, own)).fetchone()
            if is_value:
                raise sqlite3.DataError("it is not true or false")
        except sqlite3.Error as error:
            raise CofeeError(
                f"`{rule}`: {quote(check)} is not a condition: {error}",
                hint="write what can follow `WHERE` in SQL, without subqueries",
            ) from error
    # A quoted word that is not a column is a string for SQLite and an error for PostgreSQL.
    quoted = {token[1:-1] for token in TOKEN.findall(check) if token.startswith('"')}
    return columns | quoted, functions


def _gives_value(check: str, own: Mapping[str, Field]) -> str:
    """Return the query that finds whether a check has a value other than true or false."""
    row = [f'{1 if field.type == "bool" else 5} AS "{name}"' for name, field in own.items()]
    return f"SELECT ({check}) NOT IN (0, 1) FROM (SELECT {', '.join(row)})"  # noqa: S608


def scratch(columns: Mapping[str, Field], facts: Facts) -> str:
    """Return the statement that makes a table with some columns."""
    definitions = [
        f'"{name}" {AFFINITIES.get(facts.types[field.type].value, "NUMERIC")}'
        if field.to is None
        else f'"{name}" TEXT'
        for name, field in columns.items()
    ]
    return f"CREATE TABLE scratch ({', '.join(definitions)})"
