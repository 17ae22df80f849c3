"""Channels of events. An event is published after the commit, and read from its channel by id.

    publish(session, user_channel(user_id), "papers.created", {"id": paper_id})

A channel is a stream of Redis, which keeps its newest events.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic_core import to_json
from redis.exceptions import ResponseError
from redis.typing import EncodableT, FieldT
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.infrastructure.after_commit import after_commit
from app.infrastructure.redis import get_redis, owned_key
from app.infrastructure.settings import get_settings

PAGE_SIZE = 100
NO_KEY = "no such key"
MAX_BYTES = 16_384
ERROR_TOO_LARGE = f"An event has at most {MAX_BYTES} bytes: send an id instead of the content"

Fields = dict[FieldT, EncodableT]
Entries = Sequence[tuple[str, Mapping[str, str]]]
# The fields of an event in its stream.
NAME, DATA = "name", "data"


@dataclass(frozen=True)
class Event:
    """A message of a channel. Its id is its position there; `data` is JSON."""

    id: str
    name: str
    data: str


class Sent(NamedTuple):
    """An event to send to a channel."""

    channel: str
    name: str
    data: str


@dataclass(frozen=True)
class Missed:
    """Events after a position; or the newest position, if the channel no longer has all of them."""

    events: Sequence[Event] = ()
    stale_until: str | None = None


def user_channel(user_id: uuid.UUID) -> str:
    return channel_of("user_id", user_id)


def project_channel(project_id: uuid.UUID) -> str:
    return channel_of("project_id", project_id)


def channel_of(owner: str, owner_id: uuid.UUID | None) -> str:
    """Return the channel of an owner; without the column `owner`, the one that every user reads."""
    return owned_key(owner, owner_id, "events")


SHARED_CHANNEL = channel_of("", None)


def publish(
    session: AsyncSession | Session, channel: str, name: str, data: Mapping[str, Any]
) -> None:
    """Publish an event after the commit. After a rollback, nothing is published."""
    text = to_json(data).decode()
    if len(text) > MAX_BYTES:
        raise ValueError(ERROR_TOO_LARGE)
    after_commit(session, _send, Sent(channel, name, text))


async def _send(items: list[Sent]) -> None:
    settings = get_settings()
    async with get_redis().pipeline(transaction=False) as pipeline:
        for item in dict.fromkeys(items):  # one change can be published twice
            fields: Fields = {NAME: item.name, DATA: item.data}
            size = settings.event_buffer_size
            pipeline.xadd(item.channel, fields, maxlen=size, approximate=False)
        for channel in {item.channel for item in items}:
            pipeline.expire(channel, settings.event_buffer_seconds)
        await pipeline.execute()


async def newest_position(channel: str) -> str:
    """Return the position after all events that have been published."""
    stream, now, _ = await _inspect(channel, "+")
    return _newest(stream, now)


async def read_missed(channel: str, position: str) -> Missed:
    """Return the next events after a position, or say that the channel has dropped some of them."""
    stream, now, entries = await _inspect(channel, f"({position}")
    if is_stale(stream, position, now - get_settings().event_buffer_seconds * 1000):
        return Missed(stale_until=_newest(stream, now))
    return Missed([read_entry(*entry) for entry in entries])


async def _inspect(channel: str, start: str) -> tuple[Mapping[str, Any] | None, int, Entries]:
    """Return the state of a channel, the time of Redis in milliseconds, and a page of events."""
    async with get_redis().pipeline() as pipeline:  # one transaction: a consistent view
        pipeline.time()
        pipeline.xinfo_stream(channel)
        pipeline.xrange(channel, start, "+", PAGE_SIZE)
        (seconds, micros), stream, entries = await pipeline.execute(raise_on_error=False)
    now = seconds * 1000 + micros // 1000
    if isinstance(stream, ResponseError):
        if NO_KEY not in str(stream):
            raise stream
        return None, now, []
    return stream, now, entries


def _newest(stream: Mapping[str, Any] | None, now: int) -> str:
    return stream["last-generated-id"] if stream else f"{now - 1}-0"


def is_stale(stream: Mapping[str, Any] | None, position: str, oldest: int) -> bool:
    """Return whether events after a position may have been dropped.

    A channel expires some time after its last event: without a channel, there were no events since
    `oldest`. A position after the last event is from before the server lost its data.
    """
    if stream is None or not stream["length"]:
        return order(position)[0] < oldest
    if order(position) > order(stream["last-generated-id"]):
        return True
    is_complete = stream["entries-added"] == stream["length"] and order(position)[0] >= oldest
    return not is_complete and order(position) < order(stream["first-entry"][0])


def read_entry(entry_id: str, fields: Mapping[str, str]) -> Event:
    return Event(entry_id, fields[NAME], fields[DATA])


def order(position: str) -> tuple[int, int]:
    """Return an id as numbers, which sort in the order of the channel."""
    milliseconds, _, number = position.partition("-")
    return int(milliseconds), int(number)
