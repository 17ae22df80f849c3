"""A task for tests, and a worker that runs it: `python -m tests.modules.jobs.probe`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from app import worker
from app.common.errors import NotFoundError
from app.infrastructure.tasks import Run, task

MISSING = "There is no such row"
# What a test wants to happen in the middle of the task.
steps: list[Callable[[Run], Awaitable[None]]] = []


@task(
    queue="default",
    max_retries=2,
    min_backoff=1_000,
    time_limit=60_000,
    max_age=60_000,
    was=["old_probe"],
)
async def probe(run: Run) -> dict[str, Any]:
    """Do what the arguments say."""
    await run.report(50)
    for step in steps:
        await step(run)
    match run.arguments.get("does"):
        case "fail":
            raise RuntimeError("a secret")
        case "miss":
            raise NotFoundError(MISSING)
        case "hang":
            await asyncio.sleep(60)
        case "die" if run.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    return {"attempt": run.attempt}


if __name__ == "__main__":
    worker.main()
