"""Projects and their members, over the API and a real database."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.infrastructure.rate_limits import get_limiter
from app.modules.projects.models import Member
from app.modules.users.models import User
from tests.api import JSON, assert_problem, create, cursor_of, json_name, rows_of
from tests.contract.crud import (
    CreateContract,
    DeleteContract,
    ListContract,
    ReadContract,
    SoftDeleteContract,
    UpdateContract,
)
from tests.contract.routes import MissingRoutesContract
from tests.contract.values import InvalidContract, RequiredContract, SortContract
from tests.modules.projects.case import CASE
from tests.modules.projects.factory import URL, Headers, join, new_member, new_project
from tests.modules.users.factory import URL as USERS
from tests.modules.users.factory import person, signed_in

ROLES = ["owner", "editor", "viewer", "stranger", "anonymous"]
BOB = {"email": "bob@example.com", "role": "viewer"}
# Each route, with a body that it takes, and what it answers to each of the roles. Those that delete
# come last.
ROUTES: list[tuple[str, str, Any, tuple[int, ...]]] = [
    ("GET", "/{project}", None, (200, 200, 200, 404, 401)),
    ("PATCH", "/{project}", {"name": "Gemini"}, (200, 403, 403, 404, 401)),
    ("GET", "/{project}/members", None, (200, 200, 200, 404, 401)),
    ("POST", "/{project}/members", BOB, (201, 403, 403, 404, 401)),
    ("PATCH", "/{project}/members/{member}", {"role": "owner"}, (200, 403, 403, 404, 401)),
    ("DELETE", "/{project}/members/{member}", None, (204, 403, 403, 404, 401)),
    ("DELETE", "/{project}", None, (204, 403, 403, 404, 401)),
]


@pytest_asyncio.fixture
async def owner(client: httpx2.AsyncClient) -> Headers:
    """The headers of the owner of the project."""
    return await signed_in(client, "ann")


@pytest_asyncio.fixture
async def project(client: httpx2.AsyncClient, owner: Headers) -> JSON:
    """The project of a test."""
    return await new_project(client, owner)


async def my_id(client: httpx2.AsyncClient, headers: Headers) -> str:
    """Return the id of the signed-in user."""
    me = await client.get(f"{USERS}/me", headers=headers)
    return str(me.json()["id"])


async def roles(client: httpx2.AsyncClient, headers: Headers, project: JSON) -> dict[str, str]:
    """Return the roles of the members by name."""
    page = await client.get(f"{URL}/{project['id']}/members", headers=headers)
    assert page.status_code == 200, page.text
    return {member["name"]: member["role"] for member in rows_of(page.json())}


class TestProjects(
    CreateContract,
    ReadContract,
    ListContract,
    UpdateContract,
    DeleteContract,
    MissingRoutesContract,
    SoftDeleteContract,
    RequiredContract,
    InvalidContract,
    SortContract,
):
    case = CASE

    @pytest_asyncio.fixture(autouse=True)
    async def signed_in(self, client: httpx2.AsyncClient) -> None:
        """Send every request as one user."""
        client.headers.update(await signed_in(client, "ann"))


async def test_role_decides_what_a_member_can_do(
    client: httpx2.AsyncClient, project: JSON, owner: Headers
) -> None:
    await create(client, USERS, person("bob"))
    await create(client, USERS, person("eve"))
    eve = await join(client, owner, project, "eve", "editor")
    asking = {"owner": owner, "anonymous": {}, "stranger": await signed_in(client, "stranger")}
    for role in ("editor", "viewer"):
        asking[role] = await new_member(client, owner, project, role)
    ids = {"project": project["id"], "member": eve[json_name("user_id")]}

    for method, path, body, statuses in ROUTES:
        get_limiter.cache_clear()  # signing in and joining count as attempts
        answers = {}
        # The owner comes last, because only the owner changes anything.
        for role in reversed(ROLES):
            url = URL + path.format(**ids)
            answers[role] = await client.request(method, url, json=body, headers=asking[role])
        assert tuple(answers[role].status_code for role in ROLES) == statuses, (method, path)


async def test_unknown_project_looks_like_a_project_of_others(
    client: httpx2.AsyncClient, project: JSON
) -> None:
    stranger = await signed_in(client, "eve")
    deleted = await new_project(client, stranger)
    await client.delete(f"{URL}/{deleted['id']}", headers=stranger)

    for method, path, body, _ in ROUTES:
        answers = [
            await client.request(
                method,
                URL + path.format(project=one, member=uuid.uuid4()),
                json=body,
                headers=stranger,
            )
            for one in (project["id"], deleted["id"], uuid.uuid4())
        ]
        for answer in answers:
            assert_problem(answer, 404)
            assert answer.json() == answers[0].json()


async def test_list_has_the_projects_of_the_member(
    client: httpx2.AsyncClient, project: JSON, owner: Headers
) -> None:
    bob = await signed_in(client, "bob")
    shared = await new_project(client, owner, "Borealis")
    await join(client, owner, shared, "bob", "viewer")

    for headers, expected in ((owner, [shared, project]), (bob, [shared])):
        pages = await client.get(URL, params={"sort": "-name"}, headers=headers)
        assert rows_of(pages.json()) == expected
    first = (await client.get(URL, params={"limit": 1}, headers=owner)).json()
    rest = await client.get(URL, params={"cursor": cursor_of(first)}, headers=owner)
    assert rows_of(first) + rows_of(rest.json()) == [project, shared]
    assert_problem(await client.get(URL), 401)
    assert_problem(await client.post(URL, json={"name": "Alone"}), 401)


async def test_creator_of_a_project_is_its_owner(
    client: httpx2.AsyncClient, project: JSON, owner: Headers
) -> None:
    page = await client.get(f"{URL}/{project['id']}/members", headers=owner)

    (member,) = rows_of(page.json())
    assert {"name": "ann", "email": "ann@example.com", "role": "owner"}.items() <= member.items()
    assert member[json_name("user_id")] == await my_id(client, owner)


@pytest.mark.parametrize("field", ["id", "is_deleted", "role", "user_id"])
async def test_body_with_another_field_returns_422(
    client: httpx2.AsyncClient, project: JSON, owner: Headers, field: str
) -> None:
    url = f"{URL}/{project['id']}"

    for method, path in (("POST", URL), ("PATCH", url)):
        answer = await client.request(method, path, json={"name": "A", field: 1}, headers=owner)
        assert_problem(answer, 422, field)
    answer = await client.post(f"{url}/members", json=BOB | {"project_id": 1}, headers=owner)
    assert_problem(answer, 422, "project_id")


async def test_unknown_address_looks_like_an_inactive_user(
    client: httpx2.AsyncClient, session: AsyncSession, project: JSON, owner: Headers
) -> None:
    await create(client, USERS, person("eve"))
    await session.execute(sa.update(User).filter_by(name="eve").values(is_active=False))
    await session.commit()
    url = f"{URL}/{project['id']}/members"

    answers = [
        await client.post(
            url, json={"email": f"{name}@example.com", "role": "viewer"}, headers=owner
        )
        for name in ("unknown", "eve")
    ]

    assert_problem(answers[0], 422, "email")
    assert answers[0].json() == answers[1].json()


async def test_user_is_a_member_once_and_can_be_added_again(
    client: httpx2.AsyncClient, project: JSON, owner: Headers
) -> None:
    await create(client, USERS, person("bob"))
    bob = await join(client, owner, project, "BOB", "editor")
    url = f"{URL}/{project['id']}/members"

    assert_problem(await client.post(url, json=BOB, headers=owner), 409)
    removed = await client.delete(f"{url}/{bob[json_name('user_id')]}", headers=owner)
    gone = await client.delete(f"{url}/{bob[json_name('user_id')]}", headers=owner)

    assert removed.status_code == 204
    assert_problem(gone, 404)
    assert await roles(client, owner, project) == {"ann": "owner"}
    await join(client, owner, project, "bob", "viewer")
    assert await roles(client, owner, project) == {"ann": "owner", "bob": "viewer"}


@pytest.mark.parametrize("role", ["owner", "editor", "viewer"])
async def test_member_can_leave_and_loses_access_at_once(
    client: httpx2.AsyncClient, project: JSON, owner: Headers, role: str
) -> None:
    leaving = await new_member(client, owner, project, role)
    url = f"{URL}/{project['id']}"

    left = await client.delete(f"{url}/members/{await my_id(client, leaving)}", headers=leaving)

    assert left.status_code == 204
    assert_problem(await client.get(url, headers=leaving), 404)
    assert await roles(client, owner, project) == {"ann": "owner"}


async def test_new_role_applies_at_once(
    client: httpx2.AsyncClient, project: JSON, owner: Headers
) -> None:
    editor = await new_member(client, owner, project, "editor")
    url = f"{URL}/{project['id']}"
    members = f"{url}/members/{await my_id(client, editor)}"

    raised = await client.patch(members, json={"role": "owner"}, headers=owner)
    done = await client.patch(url, json={"name": "Gemini"}, headers=editor)
    lowered = await client.patch(members, json={"role": "viewer"}, headers=owner)

    assert (raised.json()["role"], lowered.json()["role"]) == ("owner", "viewer")
    assert done.status_code == 200
    assert_problem(await client.patch(url, json={"name": "Mine"}, headers=editor), 403)


async def test_last_owner_cannot_leave(
    client: httpx2.AsyncClient, project: JSON, owner: Headers
) -> None:
    await new_member(client, owner, project, "editor")
    url = f"{URL}/{project['id']}/members/{await my_id(client, owner)}"

    for answer in (
        await client.delete(url, headers=owner),
        await client.patch(url, json={"role": "editor"}, headers=owner),
    ):
        assert_problem(answer, 409)
        assert answer.json()["code"] == "last_owner"
    assert (await client.patch(url, json={"role": "owner"}, headers=owner)).status_code == 200
    assert await roles(client, owner, project) == {"ann": "owner", "editor": "editor"}


async def test_inactive_owner_does_not_count_as_an_owner(
    client: httpx2.AsyncClient, session: AsyncSession, project: JSON, owner: Headers
) -> None:
    await new_member(client, owner, project, "owner")
    await session.execute(sa.update(User).filter_by(name="owner").values(is_active=False))
    await session.commit()
    url = f"{URL}/{project['id']}/members/{await my_id(client, owner)}"

    assert_problem(await client.delete(url, headers=owner), 409)


async def test_member_leaves_a_project_whose_only_owner_is_inactive(
    client: httpx2.AsyncClient, session: AsyncSession, project: JSON, owner: Headers
) -> None:
    editor = await new_member(client, owner, project, "editor")
    await session.execute(sa.update(User).filter_by(name="ann").values(is_active=False))
    await session.commit()
    url = f"{URL}/{project['id']}/members/{await my_id(client, editor)}"

    assert (await client.delete(url, headers=editor)).status_code == 204


async def test_unknown_role_returns_422(
    client: httpx2.AsyncClient, session: AsyncSession, project: JSON, owner: Headers
) -> None:
    url = f"{URL}/{project['id']}/members"

    refused = await client.post(url, json=BOB | {"role": "admin"}, headers=owner)

    assert_problem(refused, 422, "role")
    assert (await session.scalars(sa.select(Member.role))).all() == ["owner"]
