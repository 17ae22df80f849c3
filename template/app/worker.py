"""Runs tasks until it is stopped: `python -m app.worker`. Start as many as the work needs.

SIGTERM stops it: no new task begins, and running tasks have time to end. Those that have not ended
then are run by another worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from concurrent.futures import Future

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

import app.api.v1.router  # noqa: F401  # importing the routes imports every task
from app.db.base import utc_now
from app.db.session import get_engine, get_sessions
from app.infrastructure.broker import get_broker, ping, send
from app.infrastructure.job_traces import worker_traces
from app.infrastructure.logging import configure_logging
from app.infrastructure.settings import get_settings
from app.infrastructure.tasks import TASKS
from app.modules.jobs.service import AttemptService, JobService

BATCH = 100
CLEAN_UP_SECONDS = 3600
STOP_SECONDS = 1  # for the statements that are being executed
# What dramatiq logs for each queue every three seconds while the broker is down.
REPEATED = ("Consumer encountered a connection error", "Restarting consumer in")

logger = logging.getLogger(__name__)


def main() -> None:  # pragma: no cover  # `test_worker.py` runs it as a process
    """Run tasks until a signal comes. A second signal ends the process at once."""
    settings = get_settings()
    configure_logging(settings.log_level)
    for handler in logging.getLogger().handlers:
        handler.addFilter(is_said_once)
    broker = get_broker()
    broker.add_middleware(Relay())
    worker = dramatiq.Worker(broker, worker_threads=settings.task_threads)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    broker.emit_after("process_boot")
    worker.start()
    logger.info("the worker is ready", extra={"tasks": sorted(TASKS)})
    stopped.wait()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    worker.stop(timeout=int(settings.task_stop_seconds * 1000))
    broker.close()


def is_said_once(record: logging.LogRecord) -> bool:
    """Return whether a line is not one of those that repeat what the relay says once."""
    return not (record.name.startswith("dramatiq.") and str(record.msg).startswith(REPEATED))


class Relay(dramatiq.Middleware):  # pragma: no cover  # see `main`
    """Sends jobs that are due. It runs in the event loop of the tasks, with their engine."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        future = asyncio.run_coroutine_threadsafe(run_relay(self._stopped), get_loop())
        future.add_done_callback(log_failure)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        asyncio.run_coroutine_threadsafe(disconnect(self._stopped), get_loop()).result()


def get_loop() -> asyncio.AbstractEventLoop:  # pragma: no cover  # see `main`
    """Return the event loop of all tasks of this process."""
    thread = get_event_loop_thread()
    if thread is None:
        raise RuntimeError("The worker has no event loop")
    return thread.loop


def log_failure(future: Future[None]) -> None:  # pragma: no cover  # see `main`
    """Log the error that has ended the relay."""
    if not future.cancelled() and (error := future.exception()):
        logger.error("the relay has ended", exc_info=error)


async def run_relay(stopped: asyncio.Event) -> None:
    """Run the relay, and trace what the worker does as long as it runs."""
    async with worker_traces():
        await relay(stopped)


async def relay(stopped: asyncio.Event) -> None:
    """Send the jobs that are due until stopped, and clean up once an hour.

    An error ends neither. It is logged once, until there is another one or none.
    """
    failure: type[Exception] | None = None
    next_clean_up = time.monotonic()
    while not stopped.is_set():
        try:
            await send_due()
            await schedule()
            if time.monotonic() >= next_clean_up:
                await clean_up()
                next_clean_up = time.monotonic() + CLEAN_UP_SECONDS
            if failure:
                logger.info("jobs are sent again")
            failure = None
        except Exception as error:  # allow(V3): it is logged
            if failure is not type(error):
                is_expected = isinstance(error, (SQLAlchemyError, RedisError, OSError))
                trace = None if is_expected else error
                logger.warning("jobs are sent later: %s", error, exc_info=trace)
            failure = type(error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), get_settings().task_poll_seconds)


async def send_due() -> None:
    """Send the jobs that are due. They stay due while the broker is down."""
    await ping()
    async with get_sessions().begin() as session:
        due = await AttemptService(session).take_due(TASKS, BATCH)
    await send([(job.kind, job.id, job.trace) for job in due])


async def schedule() -> None:
    """Start the scheduled tasks that are due. Of several workers, one starts them."""
    now = utc_now()
    for kind, task in TASKS.items():
        due = task.schedule and kind == task.kind and task.schedule.due(now)
        if due:
            was = [name for name, other in TASKS.items() if other is task and name != kind]
            async with get_sessions().begin() as session:
                await JobService(session).schedule(kind, due, was)


async def clean_up() -> None:
    async with get_sessions().begin() as session:
        await AttemptService(session).clean_up(TASKS)


async def disconnect(stopped: asyncio.Event) -> None:
    """Interrupt running tasks, which releases their jobs, and close the connections."""
    stopped.set()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    _, running = await asyncio.wait(others, timeout=STOP_SECONDS) if others else ((), ())
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await get_engine().dispose()


if __name__ == "__main__":
    main()
