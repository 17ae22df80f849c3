"""Contract of the routes that start tasks."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Collection

import httpx2
import pytest

from app.infrastructure.tasks import TASKS, run_job
from tests.api import JSON, assert_problem
from tests.contract.base import Contract
from tests.contract.case import Case
from tests.contract.examples import examples_of
from tests.owner import sign_in


def started_tasks(case: Case) -> Collection[str]:
    """Return the tasks of a module that a route starts: all but those with a schedule."""
    service = importlib.import_module(case.model.__module__.replace(".models", ".service"))
    tasks = {task.kind: task for task in TASKS.values() if not task.schedule}
    return [name for name, task in tasks.items() if task.work.__module__ == service.__name__]


def arguments_of(case: Case, task: str) -> JSON:
    """Return arguments with which a task can be started: the examples of its schema."""
    schemas = importlib.import_module(case.schema.__module__)
    title = "".join(map(str.capitalize, task.split("_")))
    schema = getattr(schemas, case.schema.__name__.removesuffix("Create") + title)
    return examples_of(schema.model_json_schema())


def path_of(task: str) -> str:
    """Return the end of the path that starts a task."""
    return f"/{task.replace('_', '-')}"


class TaskContract(Contract):
    """A task runs as a job, which the client follows."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Repeat a test for each task."""
        super().pytest_generate_tests(metafunc)
        if "started_task" in metafunc.fixturenames:
            metafunc.parametrize("started_task", started_tasks(self.case))

    def routes(self, row_id: str, project_id: object = "") -> list[tuple[str, str]]:
        """Return the routes without those of tasks, which take other bodies than the row."""
        ends = tuple(map(path_of, started_tasks(self.case)))
        found = super().routes(row_id, project_id)
        return [(method, url) for method, url in found if not url.endswith(ends)]

    async def start(
        self, client: httpx2.AsyncClient, task: str, row: JSON, key: str = "", **more: object
    ) -> httpx2.Response:
        """Start a task for a row, as a user where there are users."""
        if "Authorization" not in client.headers:
            await sign_in(client)
        headers = {"Idempotency-Key": key} if key else {}
        body = {**arguments_of(self.case, task), **more}
        return await client.post(self.case.url_of(row) + path_of(task), json=body, headers=headers)

    async def test_task_runs_as_a_job(self, client: httpx2.AsyncClient, started_task: str) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        response = await self.start(client, started_task, row)

        assert response.status_code == 202, response.text
        job = response.json()
        assert (job["kind"], job["status"]) == (started_task, "queued")
        # Jobs are run after the module is renamed, because no name of it is in their arguments.
        assert job["arguments"]["row_id"] == row["id"]
        await run_job(TASKS[started_task], uuid.UUID(job["id"]))
        followed = (await client.get(response.headers["location"])).json()
        assert (followed["id"], followed["status"]) == (job["id"], "succeeded"), followed

    async def test_same_request_starts_one_job(
        self, client: httpx2.AsyncClient, started_task: str
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        first, second = [await self.start(client, started_task, row, "once") for _ in range(2)]

        assert first.json() == second.json()
        assert first.headers["location"] == second.headers["location"]

    async def test_task_for_no_row_is_not_started(
        self, client: httpx2.AsyncClient, started_task: str
    ) -> None:
        row = await self.case.create(client, await self.case.body(client, 0))

        missing = await self.start(client, started_task, {"id": str(uuid.uuid4())})
        wrong = await self.start(client, started_task, row, unknown=1)

        assert_problem(missing, 404)
        assert_problem(wrong, 422, "unknown")
