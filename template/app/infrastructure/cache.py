"""A cache in Redis, which all processes share.

    order = await cached(session, key, OrderRead, 60, load)
    forget(session, key)

A key begins with the owner of the value. One request loads a value, and concurrent requests wait
for it: the key holds the lease of that request until the value is stored. `forget` removes the
value and the lease after the commit, so that no older value is stored. Without Redis all values are
loaded.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Literal, TypeVar

from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.common.schemas import Model
from app.infrastructure.after_commit import after_commit
from app.infrastructure.redis import get_redis
from app.infrastructure.settings import get_settings
from app.infrastructure.transactions import HAS_WRITTEN, end_read_transaction

Value = TypeVar("Value", bound=Model)
Answer = TypeVar("Answer")

LEASE = "lease:"
LEASE_SECONDS = 5  # others no longer wait for a request that takes longer or was killed
FIRST_WAIT, LONGEST_WAIT = 0.005, 0.1
OUTAGE_SECONDS = 5  # how long values are loaded in an outage before Redis is tried again
UNREACHABLE = (RedisError, OSError)  # `OSError` includes timeouts
# Replace or remove a value that is still the expected one.
REPLACE = (
    "return redis.call('get', KEYS[1]) == ARGV[1] "
    "and redis.call('set', KEYS[1], ARGV[2], 'ex', ARGV[3])"
)
REMOVE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])"

logger = logging.getLogger(__name__)


async def cached(
    session: AsyncSession,
    key: str,
    schema: type[Value],
    seconds: int,
    load: Callable[[], Awaitable[Value]],
) -> Value:
    """Return a value from the cache, or load it and keep it for some seconds.

    A session that has written something loads it, because it can see what others must not see yet.
    All others release their connection first.
    """
    if session.info.get(HAS_WRITTEN) or session.new or session.dirty or session.deleted:
        return await load()
    await end_read_transaction(session)
    version, lease = version_of(schema), f"{LEASE}{uuid.uuid4().hex}"
    found = await outage.ask(lambda: _find(key, version, lease))
    if found and found != lease:
        return schema.model_validate_json(found.removeprefix(version))
    try:
        value = await load()
    except BaseException:
        if found:
            await outage.ask(lambda: _run(REMOVE, key, lease))
        raise
    if found:
        await end_read_transaction(session)
        text = version + value.model_dump_json()
        await outage.ask(lambda: _run(REPLACE, key, lease, text, str(seconds)))
    return value


def forget(session: AsyncSession | Session, key: str) -> None:
    """Remove a value after the commit."""
    after_commit(session, _remove, key)


@lru_cache
def version_of(schema: type[Model]) -> str:
    """Return the prefix of the values of a schema. Values with another prefix are ignored."""
    shape = json.dumps(schema.model_json_schema(mode="serialization"), sort_keys=True)
    return f"{hashlib.sha256(shape.encode()).hexdigest()[:16]}:"


async def _find(key: str, version: str, lease: str) -> str | None:
    """Return the value, or a lease to load and store it, or neither to only load it."""
    deadline, wait, awaited = time.monotonic() + LEASE_SECONDS, FIRST_WAIT, None
    while time.monotonic() < deadline:
        found = await _answer(get_redis().set(key, lease, nx=True, get=True, ex=LEASE_SECONDS))
        if found is None:
            return lease
        found = str(found)
        if found.startswith(version):
            return found
        if not found.startswith(LEASE):  # of another version of the service
            if await _run(REPLACE, key, found, lease, str(LEASE_SECONDS)):
                return lease
        elif awaited not in (None, found):  # the request that was awaited had no value
            return None
        awaited = found
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
    return None


async def _run(script: str, key: str, *arguments: str) -> object:
    return await _answer(get_redis().eval(script, 1, key, *arguments))


async def _remove(keys: list[str]) -> None:
    if await outage.ask(lambda: _answer(get_redis().delete(*keys)), again=True) is None:
        logger.warning("changed rows stay in the cache until their time is over")


async def _answer(command: Awaitable[Answer]) -> Answer:
    async with asyncio.timeout(get_settings().cache_timeout_seconds):
        return await command


class Outage:
    """Whether Redis is unavailable. Each outage is logged once."""

    def __init__(self) -> None:
        self._is_on = False
        self._ends_at = 0.0

    async def ask(
        self, question: Callable[[], Awaitable[Answer]], *, again: bool = False
    ) -> Answer | None:
        """Return the answer of Redis, or None in an outage. `again` tries in spite of one."""
        if self._is_on and time.monotonic() < self._ends_at and not again:
            return None
        try:
            answer = await question()
        except UNREACHABLE as error:
            if not self._is_on:
                logger.warning("the cache is out of reach, so all values are loaded: %s", error)
            self._is_on, self._ends_at = True, time.monotonic() + OUTAGE_SECONDS
            return None
        self._is_on = False
        return answer


outage = Outage()


async def status() -> Literal["ok", "degraded"]:
    """Return whether values are kept. The service also works while they are not."""
    alive = await outage.ask(lambda: _answer(get_redis().ping()), again=True)
    return "ok" if alive else "degraded"
