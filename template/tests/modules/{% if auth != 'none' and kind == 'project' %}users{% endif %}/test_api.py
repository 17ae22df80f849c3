"""Users, over the API and a real database."""

from __future__ import annotations

import uuid

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import HTTPException
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.infrastructure.settings import get_settings
from app.modules.users.models import User
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import UserAccess, UserCreate
from app.modules.users.service import ERROR_NOT_ADMINISTRATOR, UserService
from tests.api import assert_problem, create, json_name, rows_of
from tests.modules.users.factory import (
    PASSWORD,
    URL,
    administrator,
    bearer,
    client_at,
    person,
    sign_in,
    signed_in,
)

ME = f"{URL}/me"
SHOWN = ["id", "email", "name", "role", "is_active", "created_at", "updated_at"]
HIDDEN = ["is_deleted", "password", "password_hash", "token_version"]
NOT_YOURS = ["id", "role", "is_active", "is_deleted", "password_hash", "token_version"]


async def test_registered_user_can_sign_in_and_read_their_account(
    client: httpx2.AsyncClient,
) -> None:
    created = await create(client, URL, person("ann"))

    me = await client.get(ME, headers=bearer(await sign_in(client, "ann")))

    assert me.json() == created
    assert {*map(json_name, SHOWN)} <= set(created)
    assert not {*map(json_name, HIDDEN)} & set(created)
    assert (created["role"], created[json_name("is_active")]) == ("user", True)


async def test_new_user_can_sign_in_in_the_same_transaction(session: AsyncSession) -> None:
    users = UserService(session)
    created = await users.create(UserCreate(**person("ann")))

    user = await users.authenticate("ann@example.com", SecretStr(PASSWORD))

    assert user is not None
    assert user.id == created.id


async def test_user_cannot_set_protected_fields(client: httpx2.AsyncClient) -> None:
    headers = await signed_in(client)
    wishes = dict.fromkeys(NOT_YOURS, 1)

    assert_problem(await client.post(URL, json=person("bob") | wishes), 422, *NOT_YOURS)
    assert_problem(await client.patch(ME, json=wishes, headers=headers), 422, *NOT_YOURS)


async def test_email_is_unique_regardless_of_case(client: httpx2.AsyncClient) -> None:
    headers = await signed_in(client, "bob")
    await create(client, URL, person("ann"))
    taken = "ANN@Example.com"

    assert_problem(await client.post(URL, json=person("eve") | {"email": taken}), 409, "email")
    assert_problem(await client.patch(ME, json={"email": taken}, headers=headers), 409, "email")
    form = {"username": taken, "password": PASSWORD}
    assert (await client.post("/api/v1/auth/token", data=form)).status_code == 200


@pytest.mark.parametrize("password", ["too short", "é" * 37, 12, None])
async def test_invalid_password_returns_422(client: httpx2.AsyncClient, password: object) -> None:
    answer = await client.post(URL, json=person("ann") | {"password": password})

    assert_problem(answer, 422, "password")
    assert str(password) not in answer.text


async def test_length_is_that_of_the_lowercase_email(client: httpx2.AsyncClient) -> None:
    address = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}" * 100 + "@example.com"

    assert_problem(await client.post(URL, json=person("ann") | {"email": address}), 422, "email")


async def test_password_keeps_its_spaces(client: httpx2.AsyncClient) -> None:
    await create(client, URL, person("ann") | {"password": f" {PASSWORD} "})

    assert await sign_in(client, "ann", f" {PASSWORD} ")
    form = {"username": "ann@example.com", "password": PASSWORD}
    assert_problem(await client.post("/api/v1/auth/token", data=form), 401)


async def test_user_can_change_their_name(client: httpx2.AsyncClient) -> None:
    headers = await signed_in(client)

    changed = await client.patch(ME, json={"name": "Ann Other"}, headers=headers)

    assert changed.json()["name"] == "Ann Other"
    assert (await client.get(ME, headers=headers)).json() == changed.json()


async def test_new_password_ends_all_sessions(client: httpx2.AsyncClient) -> None:
    headers = await signed_in(client)
    tokens = await sign_in(client, "ann")
    change = {"current_password": PASSWORD, "new_password": PASSWORD * 2}

    changed = await client.post(f"{ME}/password", json=change, headers=headers)

    assert changed.status_code == 204
    assert_problem(await client.get(ME, headers=headers), 401)
    old = {"refresh_token": tokens["refresh_token"]}
    assert_problem(await client.post("/api/v1/auth/refresh", json=old), 401)
    assert await sign_in(client, "ann", PASSWORD * 2)


async def test_new_password_requires_the_old_one(client: httpx2.AsyncClient) -> None:
    headers = await signed_in(client)
    change = {"current_password": "a guess", "new_password": PASSWORD * 2}

    answer = await client.post(f"{ME}/password", json=change, headers=headers)

    assert_problem(answer, 422, json_name("current_password"))
    assert await sign_in(client, "ann")


async def test_password_that_changed_meanwhile_is_not_replaced(
    client: httpx2.AsyncClient, session: AsyncSession
) -> None:
    await create(client, URL, person("ann"))
    users = UserRepository(session)
    user = await users.get_by_email("ann@example.com")
    assert user is not None
    verified = user.password_hash

    changes = [await users.set_password(user.id, name, verified) for name in ("one", "two")]
    await users.renew_hash(user.id, "renewed", verified)
    await session.refresh(user)

    assert changes == [user, None]
    assert (user.password_hash, user.token_version) == ("one", 1)


async def test_changes_of_the_email_are_limited(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await signed_in(client)
    monkeypatch.setattr(get_settings(), "register_rate_limit", "2/hour")
    bodies = [{"email": f"{name}@example.com", "name": "Ann"} for name in "abbbc"]

    answers = [await client.patch(ME, json=body, headers=headers) for body in bodies]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]


async def test_password_guesses_from_many_addresses_are_limited(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await signed_in(client)
    monkeypatch.setattr(get_settings(), "login_rate_limit", "2/minute")
    change = {"current_password": "a guess", "new_password": PASSWORD * 2}

    for address, status in (("10.0.0.1", 422), ("10.0.0.2", 422), ("10.0.0.3", 429)):
        async with client_at(address) as elsewhere:
            answer = await elsewhere.post(f"{ME}/password", json=change, headers=headers)
        assert_problem(answer, status, *[json_name("current_password")] * (status == 422))


async def test_administrator_lists_and_finds_users(client: httpx2.AsyncClient) -> None:
    headers = await administrator(client)
    ann = await create(client, URL, person("ann"))

    page = await client.get(URL, params={"sort": "-name"}, headers=headers)
    found = await client.get(URL, params={"email": "ANN@example.com"}, headers=headers)

    assert [user["name"] for user in rows_of(page.json())] == ["root", "ann"]
    assert rows_of(found.json()) == [ann]


async def test_deactivated_user_is_signed_out_at_once(client: httpx2.AsyncClient) -> None:
    headers = await administrator(client)
    ann = await signed_in(client)
    tokens = await sign_in(client, "ann")
    url = f"{URL}/{(await client.get(ME, headers=ann)).json()['id']}"

    decided = await client.patch(url, json={"is_active": False}, headers=headers)

    assert decided.json()[json_name("is_active")] is False
    assert_problem(await client.get(ME, headers=ann), 401)
    old = {"refresh_token": tokens["refresh_token"]}
    assert_problem(await client.post("/api/v1/auth/refresh", json=old), 401)
    form = {"username": "ann@example.com", "password": PASSWORD}
    assert_problem(await client.post("/api/v1/auth/token", data=form), 401)

    await client.patch(url, json={"is_active": True}, headers=headers)
    assert_problem(await client.get(ME, headers=ann), 401)
    assert await sign_in(client, "ann")


async def test_administrator_cannot_change_their_own_access(client: httpx2.AsyncClient) -> None:
    headers = await administrator(client)
    url = f"{URL}/{(await client.get(ME, headers=headers)).json()['id']}"

    assert_problem(await client.patch(url, json={"is_active": False}, headers=headers), 409)
    unknown = f"{URL}/{uuid.uuid4()}"
    assert_problem(await client.patch(unknown, json={"role": "user"}, headers=headers), 404)


async def test_former_administrator_cannot_decide(
    client: httpx2.AsyncClient, session: AsyncSession
) -> None:
    await administrator(client)
    root = await UserService(session).find_by_email("root@example.com")
    assert root is not None
    await session.execute(sa.update(User).values(role="user"))

    with pytest.raises(HTTPException, match=ERROR_NOT_ADMINISTRATOR):
        await UserService(session).update_access(uuid.uuid4(), UserAccess(), root)


async def test_routes_of_administrators_reject_others(client: httpx2.AsyncClient) -> None:
    headers = await signed_in(client)

    for method, url in (("GET", URL), ("PATCH", f"{URL}/{uuid.uuid4()}")):
        answer = await client.request(method, url, json={}, headers=headers)
        assert_problem(answer, 403)
        anonymous = await client.request(method, url, json={})
        assert_problem(anonymous, 401)
        assert anonymous.headers["www-authenticate"] == "Bearer"
