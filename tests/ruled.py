"""Modules with rules that meet in references, and the tests of what only two modules show."""

from __future__ import annotations

from tests.strategies import Record


def text(name: str, **more: object) -> Record:
    """Give a field of text."""
    return {"name": name, "type": "str", **more}


def leading(kind: str, to: str, name: str, rule: str = "") -> Record:
    """Give a field that leads to another module; one that is emptied can be empty."""
    nullable = {"nullable": True} if rule == "set_null" else {}
    return {
        "name": name,
        "type": kind,
        "to": to,
        **nullable,
        **({"on_delete": rule} if rule else {}),
    }


def module(name: str, entity: str, *fields: Record, **rules: object) -> Record:
    """Give a module with its rules."""
    return {"name": name, "entity": entity, "fields": list(fields), **rules}


def relations(to: str, name: str = "") -> list[Record]:
    """Give a field of every kind, and with every rule for a deletion, that leads to a module."""
    name = name or to
    return [
        leading("ref", to, f"{name}_kept"),
        leading("ref", to, f"{name}_above", "cascade"),
        leading("one", to, f"{name}_beside", "set_null"),
        leading("many", to, f"{name}_linked"),
    ]


def own(to: str) -> list[Record]:
    """Give the same for a module's own rows, whose references are empty at the top."""
    return [
        {**field, "nullable": True} if field["type"] != "many" else field for field in relations(to)
    ]


SEARCH = {"search": ["code", "title"]}
# Rows that stay and rows that go lead to one another in both directions, and to their own kind.
MODULES: list[Record] = [
    module(
        "accounts", "Account", text("code", unique=True), *relations("users", "person"), bulk=True
    ),
    module(
        "reports",
        "Report",
        text("code"),
        {**leading("ref", "accounts", "account"), "expand": True},
        {**leading("ref", "reports", "before", "set_null"), "expand": True},
        {**leading("many", "accounts", "copies"), "expand": True},
    ),
    module(
        "chores",
        "Chore",
        *relations("users", "person"),
        owned_by="user",
        deletion="hard",
        bulk=True,
    ),
    module(
        "steps",
        "Step",
        {**leading("ref", "chores", "chore", "cascade"), "expand": True},
        {**leading("many", "reports", "reports"), "expand": True},
        owned_by="user",
        versioned=True,
    ),
    module("reads", "Read", text("code", unique=True), routes=["list", "read"]),
    module("logs", "Log", text("code", unique=True), routes=["create"]),
    module(
        "gone",
        "Gone",
        text("code", unique=True, sort=True, nullable=True),
        text("title", nullable=True),
        *relations("logs"),
        *own("gone"),
        leading("many", "gone", "gone_tied"),
        deletion="hard",
        **SEARCH,
    ),
    module(
        "kept",
        "Kept",
        text("code", unique=True),
        *relations("gone"),
        *own("kept"),
        leading("many", "gone", "gone_tied"),
    ),
    module(
        "last",
        "Last",
        text("code"),
        text("title"),
        *relations("gone"),
        leading("ref", "reads", "reads_above", "cascade"),
        leading("many", "reads", "reads_linked"),
        deletion="hard",
        routes=["read", "replace", "delete"],
        **SEARCH,
    ),
    module("below", "Below", *relations("last"), routes=["create", "list", "update"]),
    module(
        "hens",
        "Hen",
        {**leading("ref", "eggs", "origin", "cascade"), "nullable": True},
        deletion="hard",
    ),
    module("eggs", "Egg", leading("ref", "hens", "mother", "cascade"), deletion="hard"),
    module("found", "Found", text("code"), text("title"), routes=["list"], **SEARCH),
]

BEHAVIOUR = '''
"""What only two modules together can show."""

from __future__ import annotations

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.kept.models import Kept
from tests.api import assert_problem
from tests.modules.eggs.case import CASE as EGGS
from tests.modules.gone.case import CASE as GONE
from tests.modules.hens.case import CASE as HENS
from tests.modules.kept.case import CASE as KEPT


async def test_marked_row_holds_nothing_back(
    client: httpx2.AsyncClient, session: AsyncSession
) -> None:
    target = await GONE.create(client, await GONE.body(client, 0))
    other = await GONE.create(client, await GONE.body(client, 1))
    body = await KEPT.body(client, 0)
    body |= {"gone_kept_id": target["id"], "gone_above_id": other["id"]}
    row = await KEPT.create(client, body)

    assert await GONE.delete(client, target) == 409
    assert await KEPT.delete(client, row) == 204
    assert await GONE.delete(client, target) == 204

    assert (await session.scalars(sa.select(Kept))).all() == []
    assert_problem(await client.get(GONE.url_of(target)), 404)


async def test_row_below_itself_can_be_removed(client: httpx2.AsyncClient) -> None:
    first = await GONE.create(client, await GONE.body(client, 0))
    above = {"gone_above_id": first["id"], "gone_beside_id": first["id"]}
    second = await GONE.create(client, await GONE.body(client, 1) | above)
    for row, other in ((first, second), (first, first)):
        await GONE.update(client, row, {"gone_above_id": other["id"]})

    assert await GONE.delete(client, first) == 204
    assert await GONE.stored() == []


async def test_cascade_may_come_back_to_a_row(client: httpx2.AsyncClient) -> None:
    hen = await HENS.create(client, {})
    egg = await EGGS.create(client, {"mother_id": hen["id"]})
    await HENS.update(client, hen, {"origin_id": egg["id"]})

    assert await EGGS.delete(client, egg) == 204

    for case in (HENS, EGGS):
        assert await case.stored() == []


async def test_document_has_what_it_refers_to(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    used = {ref.rpartition("/")[2] for ref in references(document)}

    assert used - set(schemas) == set()
    assert not [name for name in schemas if name.startswith(("ReadCreate", "ReadUpdate"))]
    paths = {path: set(methods) for path, methods in document["paths"].items()}
    assert paths["/api/v1/reads"] == {"get"}
    assert paths["/api/v1/reads/{read_id}"] == {"get"}
    assert "/api/v1/logs/{log_id}" not in paths


def references(part: object) -> list[str]:
    """List every reference of a document."""
    if isinstance(part, list):
        return [ref for one in part for ref in references(one)]
    if not isinstance(part, dict):
        return []
    found = [ref for one in part.values() for ref in references(one)]
    return [*found, part["$ref"]] if isinstance(part.get("$ref"), str) else found
'''
