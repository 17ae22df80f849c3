"""Runs in a service with papers: PostgreSQL and Qdrant agree after a worker died.

It dies after it has written to PostgreSQL and before it writes to Qdrant, for a new row and for one
that is deleted. The next worker does what is left.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from importlib import import_module
from typing import Any


def of(name: str) -> Any:
    """Return what a dotted name of the service is."""
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def work(job_id: uuid.UUID, *, dies: bool = False) -> None:
    """Run a job as a worker does, and perhaps die before it writes to Qdrant."""
    import_module("app.api.v1.router")
    if dies:
        vars(import_module("app.infrastructure.row_vectors"))["synchronize"] = die
    kind = of("app.infrastructure.vector_writes.compute_vectors").kind
    task = of("app.infrastructure.tasks.TASKS")[kind]
    await of("app.infrastructure.tasks.run_job")(task, job_id)


async def new_jobs(known: set[uuid.UUID]) -> list[uuid.UUID]:
    sa, job = import_module("sqlalchemy"), of("app.modules.jobs.models.Job")
    async with of("app.db.session.get_sessions")()() as session:
        found = set(await session.scalars(sa.select(job.id).filter_by(kind="compute_vectors")))
    new = list(found - known)
    known |= found
    return new


async def stores() -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    """Return the ids of the rows with a vector, and those of the points."""
    sa, paper = import_module("sqlalchemy"), of("app.modules.papers.models.Paper")
    rows = sa.select(paper.id).where(paper.embedding.is_not(None), sa.not_(paper.is_deleted))
    qdrant = import_module("app.infrastructure.qdrant")
    asked = [1.0] + [0.0] * (paper.embedding.type.dimension - 1)
    points = await qdrant.find(qdrant.collection_of(paper.embedding), asked, None, 100)
    async with of("app.db.session.get_sessions")()() as session:
        return set(await session.scalars(rows)), {row_id for row_id, _ in points}


async def survive(known: set[uuid.UUID]) -> None:
    """Run the new job in a worker that dies, and in this one afterwards."""
    (job_id,) = await new_jobs(known)
    worker = await asyncio.create_subprocess_exec(sys.executable, __file__, str(job_id))
    assert await worker.wait() == -signal.SIGKILL
    rows, points = await stores()
    assert len(rows ^ points) == 1
    await asyncio.sleep(float(os.environ["TASK_LEASE_SECONDS"]) + 0.1)
    await work(job_id)
    rows, points = await stores()
    assert rows == points


async def main() -> None:
    import_module("app.api.v1.router")
    sessions, known = of("app.db.session.get_sessions")(), set[uuid.UUID]()
    service = of("app.modules.papers.service.PaperService")
    body = of("app.modules.papers.schemas.PaperCreate")(title="An idea")
    async with sessions.begin() as session:
        paper = await service(session).create(body)
    await survive(known)
    async with sessions.begin() as session:
        await service(session).delete(paper.id)
    await survive(known)
    sys.stdout.write("both agree\n")


if __name__ == "__main__":
    asyncio.run(work(uuid.UUID(sys.argv[1]), dies=True) if len(sys.argv) > 1 else main())
