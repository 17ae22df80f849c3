"""Requests that come at once leave a running service as if one had come after the other."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.generated import environment, make_service, serving, snapshot_template

PASSWORD = "correct horse battery"
ANN = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}
JSON = dict[str, Any]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The template as it stands, and the environment of its services."""
    template = snapshot_template(tmp_path_factory.mktemp("races") / "template")
    return template, environment(template)


def service(programs: tuple[Path, Path], target: Path, database: str) -> Path:
    """Make a service where one may try as often as one likes."""
    project = make_service(programs[0], target, {"database": database})
    settings = project / ".env"
    text = re.sub(r"=\d+/(minute|hour)", "=9999/second", settings.read_text())
    settings.write_text(
        text.replace("# DATABASE_BUSY_TIMEOUT_MS=5000", "DATABASE_BUSY_TIMEOUT_MS=1000")
    )
    return project


def post(url: str, body: JSON, headers: dict[str, str] | None = None) -> requests.Response:
    """Send a body."""
    return requests.post(url, json=body, headers=headers, timeout=60)


def sign_in(api: str, password: str = PASSWORD) -> requests.Response:
    """Ask for tokens."""
    form = {"username": ANN["email"], "password": password}
    return requests.post(f"{api}/auth/token", data=form, timeout=60)


def test_of_changes_at_once_one_counts(programs: tuple[Path, Path], tmp_path: Path) -> None:
    """A password is changed by one of those who know it, and who signs out is out."""
    project = service(programs, tmp_path / "service", "postgresql")
    with serving(project, programs[1], tmp_path / "log") as url, ThreadPoolExecutor() as threads:
        api = f"{url}/api/v1"
        assert post(f"{api}/users", ANN).status_code == 201

        assert [survives(api, threads, pause / 1000) for pause in range(8)] == [False] * 8

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
    """Sign out while a refresh is on its way; tell whether its new token is good for anything."""
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
    programs: tuple[Path, Path], tmp_path: Path
) -> None:
    """On SQLite there is one transaction at a time, and none is open while bcrypt works."""
    project = service(programs, tmp_path / "service", "sqlite")
    with serving(project, programs[1], tmp_path / "log") as url, ThreadPoolExecutor(16) as threads:
        guesses = [threads.submit(sign_in, f"{url}/api/v1", "a guess") for _ in range(15)]
        ready = requests.get(f"{url}/health/ready", timeout=60)
        answers = [guess.result().status_code for guess in guesses]

    assert ready.status_code == 200
    assert answers == [401] * 15
