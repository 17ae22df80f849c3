"""Contract of modules whose changes are events."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest_asyncio

from app.db.base import owner_column
from app.infrastructure.channels import DATA, NAME, channel_of
from app.infrastructure.redis import get_redis, running
from tests.contract.base import Contract


class NotifyContract(Contract):
    """Each change of a row that a module publishes is an event for those who can see the row."""

    @pytest_asyncio.fixture(autouse=True)
    async def no_events(self) -> AsyncIterator[None]:
        """Begin without events."""
        async with running():
            await get_redis().flushdb()
            yield

    async def test_changes_are_published_to_the_owner(self, client: httpx2.AsyncClient) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        changed = await case.update(client, row, await case.body(client, 1))
        await case.update(client, row, {})
        assert await case.delete(client, row) == 204

        differs = case.values(changed) != case.values(row) or case.hides_changes
        changes = ["created", *(["updated"] if differs else []), "deleted"]
        data = f'{{"id":"{row["id"]}"}}'
        names = [f"{case.table.name}.{name}" for name in changes if name in self.notified]
        assert await self.events() == [(self.channel, name, data) for name in names]

    @property
    def notified(self) -> list[str]:
        """The changes that the service publishes."""
        service = importlib.import_module(self.case.model.__module__.replace("models", "service"))
        notified: list[str] = service.NOTIFIED
        return notified

    @property
    def channel(self) -> str:
        """The channel of those who can see the rows."""
        owner = owner_column(self.case.table)
        assert self.case.owner or not owner
        return channel_of(owner, self.case.owner)

    async def events(self) -> list[tuple[str, str, str]]:
        """Return the events of the module in all channels."""
        found: list[Any] = []
        for channel in await get_redis().keys("*:events"):
            entries: Any = await get_redis().xrange(channel)
            found += [(channel, fields[NAME], fields[DATA]) for _, fields in entries]
        return [event for event in found if event[1].startswith(f"{self.case.table.name}.")]
