"""Open streams of events. One connection to Redis reads the channels of all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import lru_cache
from types import FrameType
from typing import Any, Literal

from fastapi import HTTPException
from pydantic_core import to_json
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.common.errors import UnavailableError
from app.infrastructure.channels import (
    PAGE_SIZE,
    Event,
    newest_position,
    order,
    read_entry,
    read_missed,
)
from app.infrastructure.redis import get_redis
from app.infrastructure.settings import get_settings

QUEUE_SIZE = 100
READERS = 10  # streams that read their channels at once, so that others find a connection
PING_SECONDS = 30  # proxies close a connection on which nothing is sent
ERROR_TOO_MANY = "You have too many open streams: close one, or share it between pages"
ERROR_FULL = "The service has too many open streams at the moment"

# Why a stream ends: its token has expired, its user may no longer read it, Redis is down, or the
# process stops.
Reason = Literal["expired", "revoked", "unavailable", "stopping"]
# A right to read a stream, with a function that returns which of several rights are still valid.
Check = Callable[[set[Any]], Awaitable[set[Any]]]
Right = tuple[Check, Any]
OPEN, STALE, END, PING = "open", "stale", "end", "ping"

logger = logging.getLogger(__name__)


class Subscription:
    """The events of a channel after a position, for one stream.

    New events come to a queue. If the stream does not send them fast enough, the queue is emptied,
    and they are read from the channel.
    """

    def __init__(
        self, channel: str, position: str, rights: Sequence[Right], reading: asyncio.Semaphore
    ) -> None:
        self.channel = channel
        self.position = position
        self.rights = rights
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_SIZE)
        self._reading = reading
        self._is_behind = True
        self.reason: Reason | None = None  # why it has ended

    def deliver(self, event: Event) -> None:
        """Add a new event."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.fall_behind()

    def fall_behind(self) -> None:
        """Read the next events from the channel."""
        self._is_behind = True
        self._wake()

    def end(self, reason: Reason) -> None:
        """End the stream as soon as possible."""
        self.reason = self.reason or reason
        self._wake()

    def _wake(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield where the stream starts, each event once, and the reason of its end."""
        if self.position:
            yield Event(self.position, OPEN, "")
        try:
            while self.reason is None:
                async for event in self._next():
                    self.position = event.id
                    yield event
        except (RedisError, OSError) as error:
            logger.warning("events cannot be read: %s", error)
            self.end("unavailable")
        except Exception:  # allow(V3): it is logged, and the client opens the stream again
            logger.exception("events cannot be read")
            self.end("unavailable")
        yield Event(self.position, END, to_json({"reason": self.reason}).decode())

    async def _next(self) -> AsyncIterator[Event]:
        if self._is_behind:
            self._is_behind = False  # events that are published from now on are added to the queue
            async for missed in self._missed():
                yield missed
        else:
            event = await self._wait()
            if event and (event.name == PING or order(event.id) > order(self.position)):
                yield event

    async def _wait(self) -> Event | None:
        try:
            async with asyncio.timeout(PING_SECONDS):
                return await self._queue.get()
        except TimeoutError:
            return Event(self.position, PING, "")

    async def _missed(self) -> AsyncIterator[Event]:
        while self.reason is None:
            async with self._reading:
                missed = await read_missed(self.channel, self.position)
            if missed.stale_until is not None:
                yield Event(missed.stale_until, STALE, "{}")
            for event in missed.events:
                yield event
            if len(missed.events) < PAGE_SIZE:
                return


class Hub:
    """The open streams of this process. One connection reads all their channels."""

    def __init__(self) -> None:
        self._streams: dict[str, set[Subscription]] = {}
        self._positions: dict[str, str] = {}
        self._per_user: dict[uuid.UUID, int] = {}
        self._wake_channel = f"process:{uuid.uuid4()}:wake"
        self._reading = asyncio.Semaphore(READERS)
        self._reader: asyncio.Task[None] | None = None
        self._checker: asyncio.Task[None] | None = None
        self._is_stopping = False

    @contextlib.asynccontextmanager
    async def subscribed(
        self,
        channel: str,
        user_id: uuid.UUID,
        seconds: float,
        position: str | None,
        *rights: Right,
    ) -> AsyncIterator[Subscription]:
        """Yield a subscription that starts after a position, or now.

        It ends after some time, and when one of the rights is no longer valid.
        """
        with self._counted(user_id):
            subscription = Subscription(channel, position or "", rights, self._reading)
            timer = asyncio.get_running_loop().call_later(seconds, subscription.end, "expired")
            try:
                await self._add(subscription)
                yield subscription
            finally:
                timer.cancel()
                self._remove(subscription)

    def stop(self) -> None:
        """End all streams, and those that are opened from now on."""
        self._is_stopping = True
        self._end_all("stopping")

    async def close(self) -> None:
        """Stop reading."""
        self.stop()
        running = [task for task in (self._reader, self._checker) if task]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    @contextlib.contextmanager
    def _counted(self, user_id: uuid.UUID) -> Iterator[None]:
        settings = get_settings()
        count = self._per_user.get(user_id, 0)
        if count >= settings.event_streams_per_user:
            raise HTTPException(429, ERROR_TOO_MANY, headers={"Retry-After": "10"})
        if sum(self._per_user.values()) >= settings.event_streams:
            raise UnavailableError(ERROR_FULL, code="too_many_streams")
        self._per_user[user_id] = count + 1
        try:
            yield
        finally:
            self._per_user[user_id] -= 1
            if not self._per_user[user_id]:
                del self._per_user[user_id]

    async def _add(self, subscription: Subscription) -> None:
        """Read the channel from its end. The stream itself reads earlier events."""
        channel = subscription.channel
        try:
            newest = await newest_position(channel)
            subscription.position = subscription.position or newest
            self._streams.setdefault(channel, set()).add(subscription)
            self._checker = self._checker or asyncio.create_task(self._check())
            if channel not in self._positions or self._reader is None:
                self._positions.setdefault(channel, newest)
                await self._wake()
        except (RedisError, OSError) as error:
            logger.warning("events cannot be read: %s", error)
            subscription.end("unavailable")
        if self._is_stopping:
            subscription.end("stopping")

    def _remove(self, subscription: Subscription) -> None:
        streams = self._streams.get(subscription.channel, set())
        streams.discard(subscription)
        if not streams:
            self._streams.pop(subscription.channel, None)
            self._positions.pop(subscription.channel, None)

    async def _wake(self) -> None:
        """Make the reader read the channels that are open now."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        else:
            redis = get_redis()
            await redis.xadd(self._wake_channel, {"": ""}, maxlen=1)
            await redis.expire(self._wake_channel, 60)

    async def _read(self) -> None:
        """Read while there are streams, and end all of them if that fails."""
        block = int(get_settings().redis_timeout_seconds * 500)  # less than the timeout
        woken = "0-0"
        try:
            while self._positions:
                positions: Any = {**self._positions, self._wake_channel: woken}
                found: Any = await get_redis().xread(positions, block=block)
                for channel, entries in found:
                    if channel == self._wake_channel:
                        woken = entries[-1][0]
                    else:
                        self._deliver(channel, [read_entry(*entry) for entry in entries])
        except (RedisError, OSError) as error:
            logger.warning("events cannot be read: %s", error)
            self._end_all("unavailable")
        except Exception:  # allow(V3): it is logged, and clients open their streams again
            logger.exception("events cannot be read")
            self._end_all("unavailable")
        finally:
            self._reader = None

    async def end_revoked(self) -> None:
        """End the streams of users who may no longer read them."""
        for stream in await find_revoked(self._all()):
            stream.end("revoked")

    async def _check(self) -> None:
        """End revoked streams again and again, while there are streams."""
        while self._streams:
            await asyncio.sleep(get_settings().event_check_seconds)
            try:
                await self.end_revoked()
            except (SQLAlchemyError, OSError) as error:
                logger.warning("the rights of open streams are not checked: %s", error)
            except Exception:  # allow(V3): it is logged, and the rights are checked again
                logger.exception("the rights of open streams are not checked")
        self._checker = None

    def _deliver(self, channel: str, events: list[Event]) -> None:
        if channel in self._positions:
            self._positions[channel] = events[-1].id
        for stream in self._streams.get(channel, ()):
            if len(events) >= get_settings().event_buffer_size:
                stream.fall_behind()  # the channel may have dropped events before these
            else:
                for event in events:
                    stream.deliver(event)

    def _end_all(self, reason: Reason) -> None:
        for stream in self._all():
            stream.end(reason)

    def _all(self) -> list[Subscription]:
        return [stream for streams in self._streams.values() for stream in streams]


async def find_revoked(streams: Sequence[Subscription]) -> list[Subscription]:
    """Return the streams that have lost a right. Each check is called once, for all of them."""
    asked: dict[Check, set[Any]] = {}
    for check, right in [right for stream in streams for right in stream.rights]:
        asked.setdefault(check, set()).add(right)
    valid = {check: await check(rights) for check, rights in asked.items()}
    return [
        stream
        for stream in streams
        if any(right not in valid[check] for check, right in stream.rights)
    ]


@lru_cache
def get_hub() -> Hub:
    """Return the hub of this process."""
    return Hub()


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    """End all streams at shutdown, because the server waits for them."""
    loop = asyncio.get_running_loop()
    try:
        with on_stop_signal(lambda: loop.call_soon_threadsafe(get_hub().stop)):
            yield
    finally:
        await get_hub().close()
        get_hub.cache_clear()


@contextlib.contextmanager
def on_stop_signal(action: Callable[[], object]) -> Iterator[None]:
    """Call a function when the process gets a signal to stop, before the server handles it."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        action()
        if callable(handler := handlers[signal.Signals(number)]):
            handler(number, frame)

    is_main = threading.current_thread() is threading.main_thread()
    replaced = [number for number in handlers if is_main and callable(handlers[number])]
    for number in replaced:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, handlers[number])
