"""The broker, which delivers messages about jobs to the workers, and may lose them.

A message names the job to run. The row of the job has its state: a job whose message was lost is
sent again, and a second message about a job has no effect.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import anyio
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, AsyncIO, CurrentMessage, Retries, TimeLimit
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.infrastructure.settings import get_settings

# The kind and the id of a job, and the options of its message: the trace that it continues.
Sent = tuple[str, uuid.UUID, dict[str, Any] | None]

CONNECT_SECONDS = 2
ANSWER_SECONDS = 5

logger = logging.getLogger(__name__)


@lru_cache
def get_broker() -> RedisBroker:
    """Return the broker of this process, which connects on first use.

    A request waits for it after its commit, so it is tried twice at most: a connection from before
    a restart of the server fails once.
    """
    settings = get_settings()
    client: Any = Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # it has no annotations
        client=client,
        namespace=settings.task_namespace,
        middleware=[AgeLimit(), TimeLimit(), Retries(), CurrentMessage(), AsyncIO()],
    )
    dramatiq.set_broker(broker)
    return broker


async def send(jobs: Sequence[Sent]) -> None:
    """Send jobs to the workers. If the broker is down, they are sent again later."""
    try:
        await anyio.to_thread.run_sync(_send, jobs)
    except (RedisError, OSError) as error:
        ids = [job_id for _, job_id, _ in jobs]
        logger.warning("jobs are sent later: %s", error, extra={"job_ids": ids})


def _send(jobs: Sequence[Sent]) -> None:
    broker = get_broker()
    for kind, job_id, options in jobs:
        actor = broker.get_actor(kind)
        broker.enqueue(actor.message_with_options(args=(str(job_id),), **(options or {})))


async def ping() -> None:
    """Raise an error of Redis if the broker does not answer."""
    await anyio.to_thread.run_sync(get_broker().client.ping)
