"""The command line creates the first administrator."""

from __future__ import annotations

import io

import httpx2
import pytest

from app import create_admin
from app.modules.users.schemas import UserCreate
from tests.modules.users.factory import URL, bearer, person, sign_in


async def test_administrator_can_sign_in(client: httpx2.AsyncClient) -> None:
    await create_admin.create(UserCreate.model_validate(person("root")))

    headers = bearer(await sign_in(client, "root"))
    assert (await client.get(URL, headers=headers)).status_code == 200


def test_short_password_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["create_admin", "root@example.com", "Root"])
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))

    with pytest.raises(SystemExit, match=r"password: .* at least 12 characters"):
        create_admin.main()
