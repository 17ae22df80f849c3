"""Notifications, over the API, a real database and a real Redis."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest_asyncio

from app.infrastructure.channels import DATA, NAME, user_channel
from app.infrastructure.redis import get_redis, running
from tests.api import json_name, rows_of
from tests.contract.crud import DeleteContract, HardDeleteContract, ListContract, ReadContract
from tests.contract.owners import OWNER, OwnedContract, OwnedListContract
from tests.contract.routes import MissingRoutesContract
from tests.modules.notifications.case import CASE


class TestNotifications(
    OwnedContract,
    ReadContract,
    ListContract,
    DeleteContract,
    MissingRoutesContract,
    HardDeleteContract,
    OwnedListContract,
):
    case = CASE

    @pytest_asyncio.fixture(autouse=True)
    async def no_events(self) -> AsyncIterator[None]:
        """Begin without events."""
        async with running():
            await get_redis().flushdb()
            yield

    async def published(self) -> list[tuple[str, object]]:
        """Return the events of the user; other channels have none."""
        channel = user_channel(OWNER)
        assert {*await get_redis().keys("*:events")} <= {channel}
        entries: Any = await get_redis().xrange(channel)
        return [(fields[NAME], json.loads(fields[DATA])) for _, fields in entries]

    async def test_notification_is_stored_and_pushed(self, client: httpx2.AsyncClient) -> None:
        created = await self.case.create(client, self.case.first)

        assert created[json_name("read_at")] is None
        assert await self.case.read(client, created) == created
        assert await self.published() == [("notifications.created", created)]

    async def test_unread_notifications_are_counted(self, client: httpx2.AsyncClient) -> None:
        first, second = await self.case.pair(client)
        url = f"{self.case.url_of(first)}/read"

        read = [(await client.post(url)).json() for _ in range(2)]

        assert read[0][json_name("read_at")]
        assert read[0] == read[1]
        assert (await client.get(f"{self.case.url}/unread")).json() == {"unread": 1}
        for is_unread, row in ((True, second), (False, read[0])):
            query = {"read_at_null": is_unread}
            assert rows_of((await client.get(self.case.url, params=query)).json()) == [row]
        names = [name for name, _ in await self.published()]
        assert names == ["notifications.created"] * 2 + ["notifications.read"]

    async def test_all_are_marked_as_read(self, client: httpx2.AsyncClient) -> None:
        await self.case.pair(client)

        answer = await client.post(f"{self.case.url}/read")

        assert answer.json() == {"unread": 0}
        assert (await client.get(f"{self.case.url}/unread")).json() == {"unread": 0}
        assert (await self.published())[-1] == ("notifications.all_read", {})
