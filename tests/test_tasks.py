"""Tasks: every accepted job ends exactly once, whatever is killed, and the part comes and goes."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.chaos import MODULES, Chaos, chaos
from tests.generated import environment, make_service, snapshot_template

KILLS = 200  # with `--every-cell`
SEED = 10


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in the working tree, as a release."""
    return snapshot_template(tmp_path_factory.mktemp("snapshot") / "template")


@pytest.fixture(scope="module")
def service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with tasks and users, which no job needs."""
    answers = {"tasks": "dramatiq", "modules": MODULES}
    return make_service(template, tmp_path_factory.mktemp("service") / "service", answers)


@pytest.mark.service
def test_jobs_end_exactly_once(
    service: Path, template: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The API dies between the commit and the message, a worker in a task, the broker with all
    messages; and a worker that is asked to stop gives back what it does not finish."""
    with chaos(service, environment(template), tmp_path) as running:
        assert not running.start_job("kill the API")
        running.processes["api"].restart()
        running.wait_for_api()
        for does in ("work", "kill the worker", "fail", "work"):
            assert running.start_job(does)
        running.processes["broker"].restart()
        dead, alive = wait_for_the_dead(running)
        assert running.processes[dead].restart() == -signal.SIGKILL
        assert running.processes[alive].restart(signal.SIGTERM) == 0

        assert running.outcome() == ({"succeeded": 4, "failed": 1}, set())
        if request.config.getoption("every_cell"):
            kills = running.kill_at_random(KILLS, random.Random(SEED), pause=0.6)
            ended, wrong = running.outcome()
            print(dict(kills), dict(ended))  # shown with `-s`
            assert wrong == set()
            assert ended.keys() == {"succeeded", "failed"}


def wait_for_the_dead(running: Chaos) -> list[str]:
    """Wait until a worker has died; return its name and that of the other one."""
    workers = ["worker 1", "worker 2"]
    while not any(running.processes[name].running.poll() for name in workers):
        time.sleep(0.1)
    return sorted(workers, key=lambda name: running.processes[name].running.returncode is None)
