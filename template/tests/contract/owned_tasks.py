"""Contract of tasks that work for the rows of an owner."""

from __future__ import annotations

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession

from tests.api import assert_problem
from tests.contract.owners import give_away
from tests.contract.tasks import TaskContract, arguments_of, path_of


class OwnedTaskContract(TaskContract):
    """No other user starts a task for a row, or sees its job."""

    async def test_task_for_a_row_of_another_owner_returns_404(
        self, client: httpx2.AsyncClient, session: AsyncSession, started_task: str
    ) -> None:
        case = self.case
        row = await case.create(client, await case.body(client, 0))
        started = await self.start(client, started_task, row)
        job = started.headers["location"]
        assert (await client.get(job)).status_code == 200
        await give_away(session)

        assert_problem(await self.start(client, started_task, row), 404)
        assert_problem(await client.get(job), 404)
        del client.headers["Authorization"]
        url, body = case.url_of(row) + path_of(started_task), arguments_of(case, started_task)
        assert_problem(await client.post(url, json=body), 401)
