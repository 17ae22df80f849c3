"""Requests that come at once leave a running service as if one had come after the other."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.generated import lift_limits, make_service, serving
from tests.preforked import Preforked
from tests.test_security import programs
from tests.visitors import PASSWORD, register, sign_in

pytestmark = pytest.mark.service

__all__ = ["programs"]  # pytest finds the fixture by its name

JSON = dict[str, Any]


def service(programs: tuple[Path, Path], target: Path, database: str) -> Path:
    """Make a service without rate limits."""
    project = make_service(programs[0], target, {"database": database})
    lift_limits(project)
    settings = project / ".env"
    impatient = ("# DATABASE_BUSY_TIMEOUT_MS=5000", "DATABASE_BUSY_TIMEOUT_MS=500")
    settings.write_text(settings.read_text().replace(*impatient))
    return project


def post(url: str, body: JSON, headers: dict[str, str] | None = None) -> requests.Response:
    """Send a body."""
    return requests.post(url, json=body, headers=headers, timeout=60)


def test_of_changes_at_once_one_counts(
    programs: tuple[Path, Path], forks: Preforked, tmp_path: Path
) -> None:
    """A password is changed by one of those who know it, and who signs out is out."""
    project = service(programs, tmp_path / "service", "postgresql")
    forked = forks.first("alembic", "uvicorn")
    with (
        serving(project, programs[1], tmp_path / "log", **forked) as url,
        ThreadPoolExecutor() as threads,
    ):
        api = f"{url}/api/v1"
        assert register(api).status_code == 201

        assert [survives(api, threads, pause / 1000) for pause in (0, 1, 3, 6)] == [False] * 4

        headers = {"Authorization": f"Bearer {sign_in(api).json()['access_token']}"}
        changes = [
            {"current_password": PASSWORD, "new_password": f"{PASSWORD} {number}"}
            for number in range(4)
        ]
        answers = list(
            threads.map(lambda change: post(f"{api}/users/me/password", change, headers), changes)
        )
    codes = [answer.status_code for answer in answers]
    assert codes.count(204) == 1
    assert set(codes) <= {204, 401, 422}  # who comes late finds their token too old


def survives(api: str, threads: ThreadPoolExecutor, pause: float) -> bool:
    """Sign out during a refresh; return whether its new token is accepted."""
    body = {"refresh_token": sign_in(api).json()["refresh_token"]}
    refreshing = threads.submit(post, f"{api}/auth/refresh", body)
    time.sleep(pause)
    assert post(f"{api}/auth/logout", body).status_code == 204
    answer = refreshing.result()
    if answer.status_code != 200:
        return False
    newer = {"refresh_token": answer.json()["refresh_token"]}
    return post(f"{api}/auth/refresh", newer).status_code == 200


def test_who_guesses_passwords_does_not_keep_others_out(
    programs: tuple[Path, Path], forks: Preforked, tmp_path: Path
) -> None:
    """On SQLite there is one transaction at a time, and none is open while bcrypt works."""
    project = service(programs, tmp_path / "service", "sqlite")
    forked = forks.first("alembic", "uvicorn")
    with (
        serving(project, programs[1], tmp_path / "log", **forked) as url,
        ThreadPoolExecutor(9) as threads,
    ):
        guesses = [threads.submit(sign_in, f"{url}/api/v1", "a guess") for _ in range(8)]
        ready = requests.get(f"{url}/health/ready", timeout=60)
        answers = [guess.result().status_code for guess in guesses]

    assert ready.status_code == 200
    assert answers == [401] * 8
