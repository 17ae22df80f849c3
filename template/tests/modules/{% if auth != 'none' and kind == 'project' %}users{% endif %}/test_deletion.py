"""The deletion of users, over the API and a real database."""

from __future__ import annotations

import uuid

import httpx2
import pytest
from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.users.references import UserReferences
from app.modules.users.service import ERROR_NOT_ADMINISTRATOR
from tests.api import assert_problem, create
from tests.modules.users.factory import URL, administrator, person, signed_in


async def test_administrator_deletes_a_user_once(client: httpx2.AsyncClient) -> None:
    root = await administrator(client)
    ann = await signed_in(client, "ann")
    me = (await client.get(f"{URL}/me", headers=ann)).json()
    url = f"{URL}/{me['id']}"

    assert (await client.delete(url, headers=root)).status_code == 204

    assert_problem(await client.delete(url, headers=root), 404)
    assert_problem(await client.get(f"{URL}/me", headers=ann), 401)
    assert await create(client, URL, person("ann")) != me


async def test_only_administrators_delete_users(client: httpx2.AsyncClient) -> None:
    user = await create(client, URL, person("eve"))
    ann = await signed_in(client, "ann")

    for user_id in (user["id"], uuid.uuid4()):
        assert_problem(await client.delete(f"{URL}/{user_id}"), 401)
        assert_problem(await client.delete(f"{URL}/{user_id}", headers=ann), 403)


async def test_administrator_cannot_delete_themselves(client: httpx2.AsyncClient) -> None:
    root = await administrator(client)
    me = (await client.get(f"{URL}/me", headers=root)).json()

    response = await client.delete(f"{URL}/{me['id']}", headers=root)

    assert_problem(response, 409)
    assert response.json()["code"] == "yourself"


async def test_former_administrator_deletes_no_user(
    client: httpx2.AsyncClient, session: AsyncSession
) -> None:
    """Two administrators cannot delete each other at the same time."""
    ann, bob = [await create(client, URL, person(name)) for name in ("ann", "bob")]
    users = UserReferences(session)

    with pytest.raises(HTTPException, match=ERROR_NOT_ADMINISTRATOR):
        await users.delete_by(uuid.UUID(ann["id"]), uuid.UUID(bob["id"]))
