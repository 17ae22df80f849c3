"""Webhooks of a project: its owners manage them, and other members and users cannot."""

from __future__ import annotations

import uuid

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.webhooks.models import WebhookDelivery
from app.modules.webhooks.service import WebhookService
from tests.api import assert_problem, rows_of
from tests.modules.projects.factory import new_member, new_project
from tests.modules.users.factory import signed_in


async def test_owners_manage_the_webhooks_of_their_project(
    client: httpx2.AsyncClient, session: AsyncSession
) -> None:
    owner = await signed_in(client, "ann")
    project = await new_project(client, owner)
    editor = await new_member(client, owner, project, "editor")
    stranger = await signed_in(client, "eve")
    webhooks = f"/api/v1/projects/{project['id']}/webhooks"
    body = {"url": "https://example.com/hook"}
    created = await client.post(webhooks, json=body, headers=owner)
    assert created.status_code == 201, created.text
    url = f"{webhooks}/{created.json()['id']}"
    await WebhookService(session).publish(uuid.UUID(project["id"]), "media.ready", {})
    await session.commit()

    assert rows_of((await client.get("/api/v1/webhooks", headers=owner)).json()) == []
    shown = (await client.get(url, headers=owner)).json()
    assert rows_of((await client.get(webhooks, headers=owner)).json()) == [shown]
    [sent] = rows_of((await client.get(f"{url}/deliveries", headers=owner)).json())
    assert sent["event"] == "media.ready"
    again = f"{url}/deliveries/{sent['id']}/redeliver"
    await session.execute(sa.update(WebhookDelivery).values(status="failed"))
    assert (await client.post(again, headers=owner)).status_code == 202
    routes = [("POST", webhooks), ("GET", webhooks), ("GET", url), ("PATCH", url), ("DELETE", url)]
    for method, path in [*routes, ("GET", f"{url}/deliveries"), ("POST", again)]:
        assert_problem(await client.request(method, path, json=body, headers=editor), 403)
        assert_problem(await client.request(method, path, json=body, headers=stranger), 404)
        assert_problem(await client.request(method, path, json=body), 401)
    changed = await client.patch(url, json={"is_active": False}, headers=owner)
    assert changed.status_code == 200, changed.text
    assert (await client.delete(url, headers=owner)).status_code == 204
