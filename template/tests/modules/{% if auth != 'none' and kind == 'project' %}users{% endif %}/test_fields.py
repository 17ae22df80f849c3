"""The fields that users have in addition, over the API and a real database."""

from __future__ import annotations

from typing import Any, get_args

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.infrastructure.settings import get_settings
from app.modules.users.models import User
from app.modules.users.schemas import UserCreate, UserQuery, UserRead
from tests.api import JSON, assert_problem, create, json_name, rows_of
from tests.modules.users.factory import URL, administrator, bearer, person, sign_in, signed_in
from tests.modules.users.fields import (
    COMPUTED,
    DEFAULTS,
    FIRST,
    INVALID,
    NOCASE,
    SECOND,
    UNIQUE,
    required,
)

ME = f"{URL}/me"
ADDED = [*INVALID]
NAMES = {name: json_name(name, UserRead, UserCreate) for name in ADDED}
SHOWN = [name for name in ADDED if name in UserRead.model_fields]


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register many users."""
    monkeypatch.setattr(get_settings(), "register_rate_limit", "9999/second")


def parsed(row: JSON) -> dict[str, Any]:
    """Return the values that a client can set, which can be spelled in several ways."""
    values = {name: row[name] for name in FIRST if name in row}
    data = UserCreate.model_validate(person("ann") | values)
    return {name: getattr(data, name) for name in values}


def received(row: JSON) -> JSON:
    """Return a row with the names of these fields in Python."""
    return row | {name: row[NAMES[name]] for name in ADDED if NAMES[name] in row}


async def test_user_registers_with_the_fields_and_changes_them(
    client: httpx2.AsyncClient, session: AsyncSession
) -> None:
    created = await create(client, URL, person("ann") | FIRST)
    headers = bearer(await sign_in(client, "ann"))
    assert parsed(received(created)) == {k: v for k, v in parsed(FIRST).items() if k in SHOWN}
    assert (await client.get(ME, headers=headers)).json() == created

    changed = (await client.patch(ME, json=SECOND, headers=headers)).json()

    assert parsed(received(changed)) == {k: v for k, v in parsed(SECOND).items() if k in SHOWN}
    assert {name for name in ADDED if NAMES[name] in changed} == {*SHOWN}
    assert (await client.get(ME, headers=headers)).json() == changed
    user = (await session.scalars(sa.select(User))).one()
    assert {name: getattr(user, name) for name in FIRST} == parsed(SECOND)


async def test_omitted_fields_have_their_default(client: httpx2.AsyncClient) -> None:
    row = await create(client, URL, person("ann"))
    created = received(row)
    headers = bearer(await sign_in(client, "ann"))

    for name in {*SHOWN} - {*required(), *COMPUTED}:
        expected = {name: DEFAULTS.get(name)}
        assert created[name] == expected[name] or parsed(created)[name] == parsed(expected)[name]
    assert [name for name in COMPUTED if name in SHOWN and created[name] is None] == []
    for name in required():
        body = {key: value for key, value in person("bob").items() if key != name}
        assert_problem(await client.post(URL, json=body), 422, NAMES[name])
    unchanged = (await client.patch(ME, json={}, headers=headers)).json()
    assert unchanged == row | {json_name("updated_at"): unchanged[json_name("updated_at")]}


@pytest.mark.parametrize("field", ADDED)
async def test_rejected_value_returns_422(client: httpx2.AsyncClient, field: str) -> None:
    headers = await signed_in(client)

    for value in INVALID[field]:
        body = {field: value}
        assert_problem(await client.post(URL, json=person("bob") | body), 422, field)
        assert_problem(await client.patch(ME, json=body, headers=headers), 422, field)


async def test_only_unique_values_are_taken(client: httpx2.AsyncClient) -> None:
    await create(client, URL, person("bob") | FIRST)
    headers = await signed_in(client)

    for name, value in FIRST.items():
        changed = await client.patch(ME, json={name: value}, headers=headers)
        if name in UNIQUE:
            assert_problem(changed, 409, NAMES[name])
            for taken in [value, *([value.swapcase()] if name in NOCASE else [])]:
                body = person("eve") | {name: taken}
                assert_problem(await client.post(URL, json=body), 409, NAMES[name])
        else:
            assert changed.status_code == 200, changed.text


async def test_administrator_filters_and_sorts_by_the_fields(client: httpx2.AsyncClient) -> None:
    headers = await administrator(client)
    first = await create(client, URL, person("first") | FIRST)
    second = await create(client, URL, person("second") | SECOND)
    rows = rows_of((await client.get(URL, headers=headers)).json())
    assert [row["id"] for row in rows[1:]] == [first["id"], second["id"]]

    for name in {*SHOWN} & {*UserQuery.model_fields}:
        shown = NAMES[name]
        page = await client.get(URL, params={shown: first[shown]}, headers=headers)
        assert rows_of(page.json()) == [row for row in rows if row[shown] == first[shown]]
    for name in {*FIRST} & {*get_args(UserQuery.model_fields["sort"].annotation)}:
        page = await client.get(URL, params={"sort": f"-{NAMES[name]}"}, headers=headers)
        ids = [row["id"] for row in rows_of(page.json())]
        is_reversed = parsed(FIRST)[name] != parsed(SECOND)[name]
        assert not is_reversed or ids.index(second["id"]) < ids.index(first["id"])
