"""The users of a load test, who read lists and rows and create rows; `dev/load.py` starts it."""

from __future__ import annotations

import itertools
import json
import os
import secrets
from typing import Any

from locust import HttpUser, between, events, task
from locust.env import Environment

PLAN: dict[str, Any] = json.loads(os.environ["LOAD_PLAN"])
# No errors: a route of administrators, a row that exists or is gone, and rows without a route.
EXPECTED = {403, 404, 405, 409}

numbers = itertools.count()


class Client(HttpUser):
    """A user with an open page, who does something about once a second."""

    wait_time = between(0.5, 1.5)

    def on_start(self) -> None:
        """Use one of the accounts."""
        if PLAN["tokens"]:
            self.client.headers["Authorization"] = f"Bearer {secrets.choice(PLAN['tokens'])}"

    @task(9)
    def read(self) -> None:
        """Read a list, and a row of it."""
        path = secrets.choice(PLAN["lists"])
        page = self.send("GET", path)
        ids = [item["id"] for item in page.get("items", []) if "id" in item]
        if ids:
            self.send("GET", f"{path}/{secrets.choice(ids)}", name=f"{path}/{{id}}")

    @task(1)
    def create(self) -> None:
        """Create a row."""
        if PLAN["bodies"]:
            path, body = secrets.choice(PLAN["bodies"])
            self.send("POST", path, json=numbered(body))

    def send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request, and return the answer; empty for an expected error."""
        with self.client.request(method, path, catch_response=True, **options) as answer:
            if answer.status_code in EXPECTED:
                answer.success()
                return {}
        return dict(answer.json()) if answer.ok else {}


def numbered(body: dict[str, Any]) -> dict[str, Any]:
    """Fill the next number in, since a field can be unique."""
    number = str(next(numbers))
    return {
        name: value.replace("{number}", number) if isinstance(value, str) else value
        for name, value in body.items()
    }


@events.quitting.add_listener
def judge(environment: Environment, **_: object) -> None:
    """Print a summary, and exit with 1 if a request failed or too many were slow."""
    total = environment.stats.total
    p95 = total.get_response_time_percentile(0.95) or 0
    summary = f"{total.num_requests} requests, {total.num_failures} errors, p95 {p95:.0f} ms"
    print(f"\n{summary} (at most {PLAN['max_p95_ms']} ms)")  # noqa: T201
    is_good = 0 < p95 <= PLAN["max_p95_ms"] and not total.num_failures
    environment.process_exit_code = 0 if is_good else 1
