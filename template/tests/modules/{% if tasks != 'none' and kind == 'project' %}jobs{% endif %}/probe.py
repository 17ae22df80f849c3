"""A task for tests, and two workers that run it: `python -m tests.modules.jobs.probe`."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
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


def main() -> None:
    """Run workers, which share what is imported; stop them if asked, and print how they ended."""
    workers = [multiprocessing.get_context("fork").Process(target=worker.main) for _ in range(2)]

    def stop(*_: object) -> None:
        for process in workers:
            process.terminate()

    for process in workers:
        process.start()
    signal.signal(signal.SIGTERM, stop)
    for process in workers:
        process.join()
    sys.stdout.write(" ".join(str(process.exitcode) for process in workers))


if __name__ == "__main__":
    main()
