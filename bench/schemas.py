"""Public schemas: the share of their columns and relations that the examples express cleanly.

Reads the SQL of each schema from a clone of its repository and compares it with `examples/`. A
column is clean if its name, type, nullability, uniqueness and default are kept; a relation, if a
reference or a link leads to the same table. Columns of primary keys are counted separately, because
rows have a UUID. The times of creation and update are clean, because every row has them.

    uv run python -m bench.schemas CLONES [--write]

CLONES has the clones as `owner+name`; `--write` puts the table into the documentation.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.measure import REPOSITORY
from cofee.spec import names

PAGE = REPOSITORY / "docs/schemas.md"
BLOCK = re.compile(r"(<!-- measured: schemas -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """The SQL of a public schema at a commit."""

    title: str
    repository: str
    commit: str
    paths: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where the commit can be read."""
        return f"https://github.com/{self.repository}/tree/{self.commit}"


SOURCES = {
    "conduit": Source(
        "RealWorld (Conduit)",
        "launchbadge/realworld-axum-sqlx",
        "f1b25654773228297e35c292f357d33b7121a101",
        ("migrations/2_user.sql", "migrations/3_follow.sql", "migrations/4_article.sql"),
    ),
    "northwind": Source(
        "Northwind",
        "pthom/northwind_psql",
        "cd0ef28d66369fbe177778e604e4be0f153c9e5c",
        ("northwind.sql",),
    ),
    "pagila": Source(
        "Pagila",
        "devrimgunduz/pagila",
        "eddcfc4513dab4239ee1acbdf52beb1f5fcf50ac",
        ("pagila-schema.sql",),
    ),
    "petclinic": Source(
        "Spring Petclinic",
        "spring-projects/spring-petclinic",
        "edf4db28affcc4741c79850a3d95bc3f177b5ff9",
        ("src/main/resources/db/postgres/schema.sql",),
    ),
    "world": Source(
        "World",
        "ghusta/docker-postgres-world-db",
        "19a6fdd55840c927501be5d1c0734e446ac54867",
        ("scripts/world.sql",),
    ),
}

# Reading SQL: what `pg_dump` and people write

NAME = r'(?:public\.)?"?(\w+)"?'
TABLE = re.compile(rf"create table (?:if not exists )?{NAME}\s*\((.*?)\n\)", re.I | re.DOTALL)
COLUMN = re.compile(r'"?(\w+)"?\s+(.*)', re.DOTALL)
CONSTRAINT = re.compile(r"(constraint|primary key|unique|check|foreign key|exclude)\b", re.I)
KEY = re.compile(
    rf"alter table (?:only )?{NAME}\s+add constraint \w+\s+primary key \(([^)]*)\)", re.I
)
FOREIGN_KEY = re.compile(
    rf"alter table (?:only )?{NAME}\s+add constraint \w+"
    rf"\s+foreign key \((\w+)\)\s+references {NAME}",
    re.I,
)
UNIQUE = re.compile(rf"create unique index \w+ on {NAME}(?: using \w+)? \((\w+)\)", re.I)
REFERENCES = re.compile(rf"\breferences {NAME}", re.I)
# The type ends where the first of these words begins.
TYPE_END = re.compile(
    r"\s+(not null|null\b|default|primary key|unique|references|collate|generated).*",
    re.I | re.DOTALL,
)
DEFAULT = re.compile(r"\bdefault\s+((?:'[^']*'|\([^)]*\)|[^\s,(])+)", re.I)
PARTITION = re.compile(r"_p\d{4}_\d\d$")


@dataclass
class Column:
    """A column of a public schema."""

    name: str
    type: str
    rest: str
    is_nullable: bool
    is_unique: bool
    default: str | None


@dataclass
class Table:
    """A table of a public schema; `relations` are the targets by column."""

    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    key: set[str] = field(default_factory=set)
    relations: dict[str, str] = field(default_factory=dict)


def read_tables(sql: str) -> dict[str, Table]:
    """Return the tables that a script creates; partitions belong to their table."""
    sql = re.sub(r"--.*", "", sql)
    tables = {
        name: _read_table(name, body)
        for name, body in TABLE.findall(sql)
        if not PARTITION.search(name)
    }
    for name, columns in KEY.findall(sql):
        if name in tables:
            tables[name].key |= {*re.findall(r"\w+", columns)}
    for name, column, target in FOREIGN_KEY.findall(sql):
        tables[PARTITION.sub("", name)].relations[column] = target
    for name, column in UNIQUE.findall(sql):
        if name in tables:
            tables[name].columns[column].is_unique = True
    return tables


def _read_table(name: str, body: str) -> Table:
    table = Table(name)
    for part in _parts(body):
        if CONSTRAINT.match(part):
            if key := re.search(r"primary key \s*\(([^)]*)\)", part, re.I):
                table.key |= {*re.findall(r"\w+", key[1])}
            continue
        found = COLUMN.match(part)
        assert found, part
        column, rest = found[1], found[2]
        kind = TYPE_END.sub("", rest).strip().lower()
        default = DEFAULT.search(rest)
        table.columns[column] = Column(
            column,
            kind.removeprefix("public."),
            rest.lower(),
            is_nullable=not re.search(r"\bnot null\b", rest, re.I),
            is_unique=bool(re.search(r"\bunique\b", rest, re.I)),
            default=default[1] if default else None,
        )
        if re.search(r"\bprimary key\b", rest, re.I):
            table.key.add(column)
        if target := REFERENCES.search(rest):
            table.relations[column] = target[1]
    return table


def _parts(body: str) -> Iterator[str]:
    """Yield the columns and constraints of a table: its text, split at commas outside brackets."""
    for part in re.split(r",(?![^(]*\))", body):
        if part.strip():
            yield part.strip()


# Comparing with an example

# By type of a field, the types of columns that it expresses; {0} is the length or precision.
TYPES: Mapping[str, str] = {
    "str": r"(character varying|varchar|character|char)\({max_length}\)",
    "text": "text",
    "int": "integer|int|smallint",
    "bigint": "bigint",
    "bool": "boolean",
    "float": "real|double precision",
    "decimal": r"numeric\({precision},{scale}\)",
    "date": "date",
    "datetime": "timestamp with time zone|timestamptz",
    "uuid": "uuid",
    "json": "jsonb?",
    "bytes": "bytea",
    "list": r"text\[\]",
}
# Defaults by what the field says.
DEFAULTS: Mapping[str, str] = {
    "now": r"now\(\)|current_timestamp",
    "today": "current_date",
    "random": r"uuid\w*\(\)|gen_random_uuid\(\)",
}
TIMES = {"created_at", "updated_at", "last_update"}  # every row has them


def compare(table: Table, module: Mapping[str, Any], sql: str) -> Iterator[tuple[str, str]]:
    """Yield each column, whether it is clean, and if it is not, why."""
    fields = {one["name"]: one for one in module.get("fields", [])}
    for column in table.columns.values():
        if column.name in table.key or column.name in table.relations:
            continue
        if column.name in TIMES and module:
            yield column.name, ""
        else:
            yield column.name, _difference(column, fields.get(column.name), sql)


def _difference(column: Column, found: Mapping[str, Any] | None, sql: str) -> str:
    """Return what of a column a field does not keep; nothing if it keeps all."""
    if found is None:
        return "no field of this name"
    if "generated" in column.rest:
        return "computed by the database"
    if "collate" in column.rest and not found.get("nocase"):
        return "collation"
    if not re.fullmatch(_types_of(found, sql), column.type):
        return f"type `{column.type}`"
    if column.is_nullable != found.get("nullable", False):
        return "nullability"
    if column.is_unique != found.get("unique", False):
        return "uniqueness"
    return "" if _same_default(column.default, found.get("default")) else "default"


def _types_of(found: Mapping[str, Any], sql: str) -> str:
    """Return the pattern of the types that a field expresses, those that the script defines too."""
    if found["type"] == "enum":
        values = r"\s*,\s*".join(f"'{re.escape(value)}'" for value in found["values"])
        pattern = rf"create type {NAME} as enum \(\s*{values}\s*\)"
    else:
        known = {"max_length": "", "precision": "", "scale": "", **found}
        plain = TYPES.get(found["type"], "").format(**known)
        pattern = rf"create domain {NAME} as (?:{plain})\b"
    defined = [name.lower() for name in re.findall(pattern, sql, re.I)]
    return "|".join([*([] if found["type"] == "enum" else [plain]), *defined]) or "(?!)"


def _same_default(given: str | None, found: object) -> bool:
    if given is None or found is None:
        return given is found
    plain = given.partition("::")[0].strip("'").lower()
    return re.fullmatch(DEFAULTS.get(str(found), re.escape(str(found).lower())), plain) is not None


def relations(table: Table, modules: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each relation, and whether a reference or a link of an example leads to its target."""
    own = modules.get(table.name, {})
    targets = {name: module["name"] for name, module in modules.items()}
    linked = {targets.get(target) for target in table.relations.values()}
    links = [
        {module["name"], one["to"]}
        for module in modules.values()
        for one in module["fields"]
        if one["type"] == "many"
    ]
    for column, target in table.relations.items():
        to = targets.get(target)
        leads = [one for one in own.get("fields", []) if one.get("to") == to]
        yield column, to is not None and (bool(leads) or (not own and linked in links))


def measure(sql: str, example: Mapping[str, Any]) -> tuple[Counter[str], list[str]]:
    """Return the counts of a schema, and what is not clean."""
    tables = read_tables(sql)
    by_name = {module["name"]: module for module in example["modules"]}
    modules = {
        name: by_name[plural]
        for name in tables
        for plural in dict.fromkeys((name, names.derive(name).module))
        if plural in by_name
    }
    counts: Counter[str] = Counter(modules=len(by_name), tables=len(tables))
    lost = []
    for table in tables.values():
        counts["keys"] += len(table.key - table.relations.keys())
        for column, difference in compare(table, modules.get(table.name, {}), sql):
            counts["columns"] += 1
            counts["clean columns"] += not difference
            lost += [f"`{table.name}.{column}`: {difference}"] if difference else []
        for column, is_clean in relations(table, modules):
            counts["relations"] += 1
            counts["clean relations"] += is_clean
            lost += [] if is_clean else [f"`{table.name}.{column}`: no reference"]
    return counts, lost


def table_of(found: Mapping[str, Counter[str]]) -> str:
    """Return the measurements as a table."""
    rows = [
        "| Schema | Tables | Modules | Keys | Columns that are clean | Relations that are clean |",
        "|---|---|---|---|---|---|",
    ]
    total: Counter[str] = sum(found.values(), Counter())
    for name, counts in (*found.items(), ("", total)):
        source = SOURCES.get(name)
        title = f"[{source.title}]({source.url})" if source else "All"
        plain = [str(counts[what]) for what in ("tables", "modules", "keys")]
        shares = [
            _share(counts[f"clean {what}"], counts[what]) for what in ("columns", "relations")
        ]
        rows.append(f"| {' | '.join([title, *plain, *shares])} |")
    return "\n".join(rows)


def _share(clean: int, count: int) -> str:
    return f"{clean} of {count} ({clean / count:.1%})"


def main() -> None:
    """Measure every schema, print the table and what is lost, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clones", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found, lost = {}, []
    for name, source in SOURCES.items():
        clone = options.clones / source.repository.replace("/", "+")
        sql = "\n".join(_show(clone, source.commit, path) for path in source.paths)
        example = yaml.safe_load((REPOSITORY / f"examples/{name}.yml").read_text())
        found[name], missing = measure(sql, example)
        lost += [f"- {source.title}, {what}" for what in missing]
    text = "\n".join([table_of(found), "", "What is not clean:", "", *lost])
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(
            BLOCK.sub(lambda block: f"{block[1]}{text}\n{block[2]}", page), encoding="utf-8"
        )


def _show(clone: Path, commit: str, path: str) -> str:
    """Return a file of a commit, from a clone with or without a work tree."""
    git_dir = next(
        path.parent for path in clone.rglob("HEAD") if (path.parent / "objects").is_dir()
    )
    command = ["git", "--git-dir", str(git_dir), "show", f"{commit}:{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
