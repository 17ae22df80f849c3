"""The case of a module: what its tests know about it, and the steps that prepare its rows."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import httpx2
import sqlalchemy as sa
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncSession

from app.common.schemas import Model, Schema
from app.db.base import Base
from app.db.session import get_sessions
from tests.api import JSON, create, json_name

# The method and path of each route.
ROUTES = {
    "create": ("POST", ""),
    "list": ("GET", ""),
    "read": ("GET", "/{id}"),
    "replace": ("PUT", "/{id}"),
    "update": ("PATCH", "/{id}"),
    "delete": ("DELETE", "/{id}"),
}
OnDelete = Literal["restrict", "cascade", "set_null"]
# What a case has of names of fields.
NAMING = (
    *("first", "second", "invalid", "defaults", "readonly", "writeonly", "nullable", "filters"),
    *("sorts", "search", "unique", "nocase", "unique_together", "checked", "tied"),
    *("references", "links"),
)
# Which routes need a user: none, those that write, or all.
Access = Literal["public", "user-write", "user"]


@dataclass(frozen=True)
class Relation:
    """A field that leads to rows of a module.

    `path` is where the case of that module is imported from, once a test needs it: two modules may
    refer to each other. `below` is the path, below one of these rows, of the rows that lead to it.
    The field is deferred where those rows may refer back to this module: it is
    empty until both rows exist.
    """

    path: str
    deferred: bool = field(default=False, kw_only=True)
    below: str = field(default="", kw_only=True)

    @property
    def target(self) -> Case:
        """The case of the module."""
        case = importlib.import_module(self.path).CASE
        assert isinstance(case, Case)
        return case


@dataclass(frozen=True)
class Reference(Relation):
    """A field that holds the id of a row, to which other rows can lead, or only one.

    A check requires that a crossed one differs from another reference to the same module: it leads
    to the row of the other body.
    """

    on_delete: OnDelete = field(default="restrict", kw_only=True)
    is_single: bool = field(default=False, kw_only=True)
    crossed: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Link(Relation):
    """A field that holds the ids of any number of rows; `route` adds or removes one of them.

    `filter` is the query parameter of the rows that link a row.
    """

    route: str = field(kw_only=True)
    filter: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class PartialKey:
    """Fields whose values are taken once together by the rows that meet a condition.

    `condition` has the columns that it names, each with its value in a row that meets it and in one
    that does not; of a reference, whether it leads to a row.
    """

    fields: Sequence[str]
    condition: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Computed:
    """A default that differs between rows; `fits` gets it, and the times around its creation."""

    fits: Callable[[Any, dt.datetime, dt.datetime], bool]


NOW = Computed(lambda value, start, end: start <= value <= end)
TODAY = Computed(lambda value, start, end: start.date() <= value <= end.date())
RANDOM = Computed(lambda value, start, end: value.version == 4)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A module under test.

    `first` and `second` are two valid bodies without their references. All values of the second
    are greater, where two values are possible. A module without all routes names its service and
    the schemas of the routes that it does not have: the service does for the tests what no route
    does.

    Fields are given by their names in Python, and have those of JSON in all tests.
    """

    url: str
    model: type[Base]
    schema: type[Schema]
    query: type[Schema]
    first: JSON = field(default_factory=dict)
    second: JSON = field(default_factory=dict)
    # Values of each field that no route accepts: null too, unless the field is nullable.
    invalid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    nullable: Collection[str] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    # The fields that only the service sets, each with a value; and those that no response has.
    readonly: JSON = field(default_factory=dict)
    writeonly: Collection[str] = ()
    filters: Collection[str] = ()
    sorts: Collection[str] = ()
    search: Collection[str] = ()
    unique: Collection[str] = ()
    # The unique fields that ignore case.
    nocase: Collection[str] = ()
    unique_together: Sequence[Sequence[str]] = ()
    partial_keys: Sequence[PartialKey] = ()
    # The fields that the checks of the table compare; they change together.
    checked: Collection[str] = ()
    # The references that a check compares with another to the same module.
    tied: Collection[str] = ()
    references: Mapping[str, Reference] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    # The owner of the rows, in a module whose rows have one.
    owner: uuid.UUID | None = None
    routes: Collection[str] = tuple(ROUTES)
    access: Access = "public"
    service: Callable[[AsyncSession], Any] | None = None
    changes: type[Schema] | None = None
    row_schema: type[Model] | None = None

    def __post_init__(self) -> None:
        """Give all fields the names that clients use."""
        links = {
            name: replace(link, filter=self.named(link.filter)) for name, link in self.links.items()
        }
        object.__setattr__(self, "links", links)
        for attribute in NAMING:
            object.__setattr__(self, attribute, self._in_json(getattr(self, attribute)))

    def _in_json(self, names: Any) -> Any:
        if isinstance(names, str):
            return self.named(names)
        if isinstance(names, Mapping):
            return {self.named(name): value for name, value in names.items()}
        return [self._in_json(name) for name in names]

    def named(self, name: str) -> str:
        """Return what clients call a field or a query parameter."""
        return json_name(name, *self._schemas)

    def attribute(self, name: str) -> str:
        """Return the name in Python of what clients call so."""
        return self._attributes.get(name, name)

    @property
    def _schemas(self) -> list[type[Model]]:
        return [schema for schema in (self.schema, self.row_schema, self.query) if schema]

    @cached_property
    def _attributes(self) -> dict[str, str]:
        names = [name for schema in self._schemas for name in schema.model_fields]
        return {self.named(name): name for name in names}

    @property
    def table(self) -> sa.Table:
        """The table of the module."""
        return Base.metadata.tables[self.model.__tablename__]

    @property
    def files(self) -> list[str]:
        """The fields that hold a file."""
        columns = [column.name for column in self.table.c if "media_types" in column.info]
        return [self.named(name) for name in columns]

    @property
    def relations(self) -> dict[str, Relation]:
        """All fields that lead to other rows."""
        return {**self.references, **self.links}

    @property
    def required(self) -> list[str]:
        """The fields without which no row can be created."""
        optional = {*self.nullable, *self.defaults, *self.links}
        return [name for name in (*self.first, *self.references) if name not in optional]

    @property
    def empty(self) -> JSON:
        """The values of the fields that can be omitted."""
        links: JSON = {name: [] for name in self.links}
        return dict.fromkeys(self.nullable) | links | {**self.defaults}

    @property
    def computed(self) -> dict[str, Computed]:
        """The defaults that differ between rows, of the fields that no check names."""
        defaults = self.defaults.items()
        return {
            name: default
            for name, default in defaults
            if isinstance(default, Computed) and name not in (*self.checked, *self.readonly)
        }

    def completed(self, sent: JSON, row: JSON) -> Schema:
        """Return the values of a row of which only some fields were sent."""
        computed = {name: row[name] for name in self.computed}
        return self.values(self.empty | computed | sent)

    @property
    def optional(self) -> list[str]:
        """The fields that can be null, independently of the others."""
        return [name for name in self.nullable if name not in self.checked]

    @property
    def hides_changes(self) -> bool:
        """Whether the bodies differ in fields that no response has."""
        return any(self.first[name] != self.second[name] for name in self.writeonly)

    @property
    def released(self) -> list[str]:
        """The references that can lead to a row alone."""
        return [name for name in self.references if name not in self.tied]

    def parameters(self, name: str, *endings: str) -> dict[str, str]:
        """Return by their endings those query parameters of a filter that the list has."""
        named = {ending: f"{self.attribute(name)}_{ending}" for ending in endings}
        fields = self.query.model_fields
        return {ending: self.named(name) for ending, name in named.items() if name in fields}

    def together(self, names: Iterable[str]) -> list[str]:
        """Return fields, with those whose values a check compares with theirs."""
        return list(dict.fromkeys([*names, *(self.checked if {*names} & {*self.checked} else ())]))

    def values(self, body: JSON) -> Schema:
        """Return the values of a body, which can be spelled in several ways.

        A response does not have all fields, so those that it lacks are the same in all bodies.
        """
        fields = self.schema.model_fields
        hidden = {name: self.first[name] for name in self.writeonly}
        sent = {name: value for name, value in body.items() if self.attribute(name) in fields}
        return self.schema.model_validate(sent | hidden)

    def value(self, body: JSON, name: str) -> Any:
        """Return what a body says of a field."""
        return getattr(self.values(body), self.attribute(name))

    def returned(self, row: JSON, name: str) -> Any:
        """Return the value of a field that a response has and a body may not have."""
        assert self.row_schema, "a module with fields that only the service sets names this schema"
        values = {self.attribute(name): value for name, value in row.items()}
        return getattr(self.row_schema.model_validate(values), self.attribute(name))

    def url_of(self, row: JSON) -> str:
        """Return the URL of a row."""
        return f"{self.url}/{row['id']}"

    def url_below(self, name: str, target_id: str) -> str:
        """Return the URL of the rows that lead to this one by a field."""
        relation = self.relations[name]
        prefix, target = self.url.rpartition("/")[0], relation.target.url.rpartition("/")[2]
        return f"{prefix}/{target}/{target_id}/{relation.below}"

    async def body(self, client: httpx2.AsyncClient, number: int) -> JSON:
        """Return the first (0) or second (1) body, after creating the rows it refers to."""
        body = {**(self.first, self.second)[number]}
        rows: dict[tuple[str, int], str] = {}

        async def row(target: Case, which: int) -> str:
            """Return the id of a row; it is asked for once, although many fields lead to it."""
            place = (target.url, which)
            if place not in rows:
                rows[place] = await target.row(client, which)
            return rows[place]

        for name, reference in self.references.items():
            which = 1 - number if reference.crossed else number
            body[name] = None if reference.deferred else await row(reference.target, which)
        for name, link in self.links.items():
            body[name] = [] if link.deferred else [await row(link.target, number)]
        return body

    async def deferred(self, client: httpx2.AsyncClient, own_id: str) -> JSON:
        """Return values of the deferred fields; `own_id` is used for those of the same module."""
        values: JSON = {}
        for name, relation in self.relations.items():
            if relation.deferred:
                is_own = relation.target is self
                row_id = own_id if is_own else await relation.target.row(client, 0)
                values[name] = [row_id] if name in self.links else row_id
        return values

    async def row(self, client: httpx2.AsyncClient, number: int) -> str:
        """Return the id of the first (0) or second (1) row, creating what is missing."""
        owned = [row for row in await self.stored() if self.owner in (None, *row.values())]
        ids = [row["id"] for row in owned]
        for missing in range(len(ids), number + 1):
            ids.append((await self.create(client, await self.body(client, missing)))["id"])
        return str(ids[number])

    async def pair(self, client: httpx2.AsyncClient) -> tuple[JSON, JSON]:
        """Create two rows; the deferred fields of the second lead to the first."""
        first = await self.create(client, await self.body(client, 0))
        body = await self.body(client, 1) | await self.deferred(client, first["id"])
        return first, await self.create(client, body)

    def serves(self, client: httpx2.AsyncClient, route: str) -> bool:
        """Return whether a client can use a route: it exists, and needs no user or has one."""
        is_open = self.access == "public" or (self.access == "user-write" and route == "read")
        return route in self.routes and (is_open or "Authorization" in client.headers)

    async def create(self, client: httpx2.AsyncClient, body: JSON) -> JSON:
        """Create a row and return it."""
        if not self.serves(client, "create"):
            return await self.serve("create", self.schema.model_validate(body))
        return await create(client, self.url, body)

    async def read(self, client: httpx2.AsyncClient, row: JSON) -> JSON:
        """Return a row as it is now."""
        if not self.serves(client, "read"):
            return await self.serve("get", uuid.UUID(row["id"]))
        response = await client.get(self.url_of(row))
        assert response.status_code == 200, response.text
        found: JSON = response.json()
        return found

    async def update(self, client: httpx2.AsyncClient, row: JSON, changes: JSON) -> JSON:
        """Change some fields of a row and return it."""
        if not self.serves(client, "update"):
            assert self.changes, "a module without PATCH names its schema of changes"
            data = self.changes.model_validate(changes)
            return await self.serve("update", uuid.UUID(row["id"]), data)
        response = await client.patch(self.url_of(row), json=changes)
        assert response.status_code == 200, response.text
        changed: JSON = response.json()
        return changed

    async def delete(self, client: httpx2.AsyncClient, row: JSON) -> int:
        """Delete a row and return the status code."""
        if self.serves(client, "delete"):
            return (await client.delete(self.url_of(row))).status_code
        try:
            await self.serve("delete", uuid.UUID(row["id"]))
        except HTTPException as error:
            return error.status_code
        return 204

    async def stored(self) -> list[JSON]:
        """Return the rows that are not deleted, oldest first, as the table has them."""
        table = self.table
        rows = sa.select(table).order_by(table.c.id)
        if "is_deleted" in table.c:
            rows = rows.where(table.c.is_deleted.is_(False))
        # It reads in the test's transaction, without a savepoint of its own.
        async with get_sessions()(join_transaction_mode="rollback_only") as session:
            found = (await session.execute(rows)).mappings()
            return [{**row, "id": str(row["id"])} for row in found]

    async def serve(self, method: str, *arguments: Any) -> JSON:
        """Call a method of the service, as another module does, and commit."""
        assert self.service, "a module without all routes names its service"
        owner = [] if self.owner is None else [self.owner]
        async with transaction() as session:
            row = await getattr(self.service(session), method)(*owner, *arguments)
        return {} if row is None else row.model_dump(mode="json", by_alias=True)


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[AsyncSession]:
    """Give a session as a request gets it: in the test's transaction, and committed there."""
    async with get_sessions().begin() as session:
        yield session
