"""Signing in, staying signed in and signing out, over the API and a real database."""

from __future__ import annotations

import datetime as dt
import itertools
import logging

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.infrastructure.logging import JsonFormatter, configure_logging
from app.infrastructure.security import add_middlewares
from app.infrastructure.settings import Settings, get_settings
from app.modules.auth.models import RefreshToken
from app.modules.users.models import User
from tests.api import JSON, assert_problem, create
from tests.fixtures import client_of
from tests.modules.users.factory import PASSWORD, bearer, client_at, person, sign_in, signed_in
from tests.modules.users.factory import URL as USERS

URL = "/api/v1/auth"
ME = f"{USERS}/me"
GUESS = "a wrong password"
SHOP = "https://shop.example.com"


async def refresh(client: httpx2.AsyncClient, tokens: JSON) -> httpx2.Response:
    """Exchange a refresh token."""
    return await client.post(f"{URL}/refresh", json={"refresh_token": tokens["refresh_token"]})


async def test_swagger_can_sign_in(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme["flows"]["password"]["tokenUrl"] == f"{URL}/token"
    assert document["paths"][ME]["get"]["security"]


async def test_failed_sign_ins_have_the_same_response(client: httpx2.AsyncClient) -> None:
    await create(client, USERS, person("ann"))

    for name, password in itertools.product(("ann", "stranger"), (GUESS, "x" * 100)):
        form = {"username": f"{name}@example.com", "password": password}
        answer = await client.post(f"{URL}/token", data=form)
        assert_problem(answer, 401)
        assert answer.json()["detail"] == "No user has this email address and password"
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_responses_with_tokens_are_not_cached(client: httpx2.AsyncClient) -> None:
    await create(client, USERS, person("ann"))
    form = {"username": "ann@example.com", "password": PASSWORD, "grant_type": "password"}

    answer = await client.post(f"{URL}/token", data=form | {"scope": "", "client_id": "swagger"})

    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == get_settings().access_token_seconds


async def test_invalid_token_returns_401(client: httpx2.AsyncClient) -> None:
    for token in ("", "nonsense", "a.b.c"):
        assert_problem(await client.get(ME, headers=bearer({"access_token": token})), 401)
        assert_problem(await refresh(client, {"refresh_token": token}), 401)
    assert_problem(await client.post(f"{URL}/refresh"), 401)


async def test_invalid_unicode_returns_422(client: httpx2.AsyncClient) -> None:
    headers = {**await signed_in(client), "Content-Type": "application/json"}
    half = b'{"refresh_token": "\\ud800", "current_password": "\\ud800", "new_password": "\\ud800"}'

    for url in (f"{URL}/refresh", f"{URL}/logout", f"{ME}/password"):
        answer = await client.post(url, content=half, headers=headers)
        assert_problem(answer, 422)
        assert "valid string" in answer.text, answer.text


async def test_refresh_token_is_valid_once(client: httpx2.AsyncClient) -> None:
    await create(client, USERS, person("ann"))
    first = await sign_in(client, "ann")

    second = (await refresh(client, first)).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert (await client.get(ME, headers=bearer(second))).status_code == 200
    assert (await refresh(client, second)).status_code == 200


async def test_reused_refresh_token_ends_its_session(client: httpx2.AsyncClient) -> None:
    await create(client, USERS, person("ann"))
    stolen, other = await sign_in(client, "ann"), await sign_in(client, "ann")
    newest = (await refresh(client, stolen)).json()

    assert_problem(await refresh(client, stolen), 401)

    assert_problem(await refresh(client, newest), 401)
    assert (await refresh(client, other)).status_code == 200


async def test_expired_refresh_token_is_rejected_and_deleted(
    client: httpx2.AsyncClient, session: AsyncSession
) -> None:
    await create(client, USERS, person("ann"))
    tokens = await sign_in(client, "ann")
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    await session.execute(sa.update(RefreshToken).values(expires_at=past))
    await session.commit()

    assert_problem(await refresh(client, tokens), 401)

    await sign_in(client, "ann")
    assert await session.scalar(sa.select(sa.func.count()).select_from(RefreshToken)) == 1


async def test_refresh_after_sign_out_returns_401(client: httpx2.AsyncClient) -> None:
    await create(client, USERS, person("ann"))
    tokens = await sign_in(client, "ann")
    body = {"refresh_token": tokens["refresh_token"]}

    for _ in range(2):
        assert (await client.post(f"{URL}/logout", json=body)).status_code == 204

    assert_problem(await refresh(client, tokens), 401)


async def test_hash_with_another_cost_is_renewed(
    client: httpx2.AsyncClient, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(client, USERS, person("ann"))
    monkeypatch.setattr(get_settings(), "bcrypt_rounds", 5)

    await sign_in(client, "ann")

    stored = await session.scalar(sa.select(User.password_hash))
    assert str(stored).startswith("$2b$05$")
    assert await sign_in(client, "ann")


@pytest.mark.parametrize(
    ("action", "url"),
    [
        ("login", f"{URL}/token"),
        ("register", USERS),
        ("refresh", f"{URL}/refresh"),
        ("refresh", f"{URL}/logout"),
    ],
)
async def test_too_many_attempts_return_429(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, action: str, url: str
) -> None:
    monkeypatch.setattr(get_settings(), f"{action}_rate_limit", "2/minute")

    answers = [await client.post(url, json={}) for _ in range(3)]

    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert_problem(answers[-1], 429)
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


async def test_attempts_from_one_address_lock_no_other_address(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(client, USERS, person("ann"))
    monkeypatch.setattr(get_settings(), "login_rate_limit", "1/minute")

    async def attempt(address: str, password: str) -> int:
        form = {"username": "ann@example.com", "password": password}
        async with client_at(address) as somewhere:
            return (await somewhere.post(f"{URL}/token", data=form)).status_code

    assert [await attempt("10.0.0.1", GUESS) for _ in range(3)] == [401, 429, 429]
    assert await attempt("10.0.0.2", PASSWORD) == 200
    guesses = [await attempt(f"10.0.1.{number}", GUESS) for number in range(9)]
    assert guesses == [401] * 8 + [429]


async def test_no_secret_is_in_any_log(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    configure_logging("DEBUG")
    logging.getLogger().addHandler(caplog.handler)
    await create(client, USERS, person("ann"))
    tokens = await sign_in(client, "ann")
    form = {"username": "ann@example.com", "password": GUESS}
    await client.post(f"{URL}/token", data=form)
    newest = (await refresh(client, tokens)).json()
    await refresh(client, tokens)
    change = {"current_password": PASSWORD, "new_password": PASSWORD * 2}
    await client.post(f"{ME}/password", json=change, headers=bearer(tokens))
    await client.post(USERS, json=person("ann"))

    log = "\n".join(JsonFormatter().format(record) for record in caplog.records)

    assert "a refresh token came twice" in log
    assert "$2b$" not in log  # with which a hash begins
    secrets = [PASSWORD, GUESS, *tokens.values(), *newest.values()]
    assert [one for one in secrets if len(str(one)) > 6 and str(one) in log] == []


async def test_cookies_are_hidden_from_scripts_and_other_sites(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "auth_cookies", True)
    client.base_url = httpx2.URL("https://test")  # they are sent over TLS alone
    await create(client, USERS, person("ann"))

    tokens = await sign_in(client, "ann")

    assert (tokens["access_token"], tokens["refresh_token"]) == (None, None)
    assert (await client.get(ME)).status_code == 200
    for method, url in (("PATCH", ME), ("POST", f"{URL}/refresh"), ("POST", f"{URL}/logout")):
        assert_problem(await client.request(method, url, json=None), 403)
    headers = {"X-CSRF-Token": client.cookies["csrf_token"]}
    assert (await client.patch(ME, json={"name": "A"}, headers=headers)).status_code == 200
    assert (await client.post(f"{URL}/refresh", headers=headers)).status_code == 200
    assert (await client.post(f"{URL}/logout", headers=headers)).status_code == 204
    assert not client.cookies
    assert_problem(await client.get(ME), 401)


async def test_cookies_have_their_attributes(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "auth_cookies", True)
    await create(client, USERS, person("ann"))
    form = {"username": "ann@example.com", "password": PASSWORD}

    answer = await client.post(f"{URL}/token", data=form)

    cookies = {line.split("=")[0]: line for line in answer.headers.get_list("set-cookie")}
    assert set(cookies) == {"access_token", "refresh_token", "csrf_token"}
    assert all("Secure" in line and "SameSite" in line for line in cookies.values())
    assert [name for name, line in cookies.items() if "HttpOnly" not in line] == ["csrf_token"]


async def test_cookies_are_ignored_unless_enabled(client: httpx2.AsyncClient) -> None:
    headers = await signed_in(client)
    client.cookies["access_token"] = headers["Authorization"].removeprefix("Bearer ")

    assert_problem(await client.get(ME), 401)


async def test_sign_in_from_another_origin_is_rejected(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "cors_origins", (SHOP,))
    await create(client, USERS, person("ann"))
    form = {"username": "ann@example.com", "password": PASSWORD}
    evil = {"Origin": "https://evil.example.com"}
    assert (await client.post(f"{URL}/token", data=form, headers=evil)).status_code == 200
    monkeypatch.setattr(get_settings(), "auth_cookies", True)

    rejected = await client.post(f"{URL}/token", data=form, headers=evil)
    answer = await client.post(f"{URL}/token", data=form, headers={"Origin": SHOP})

    assert_problem(rejected, 403)
    assert rejected.json()["code"] == "other_site"
    assert "set-cookie" not in rejected.headers
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, True)


async def test_listed_page_changes_rows_with_cookies(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "cors_origins", (SHOP,))
    monkeypatch.setattr(get_settings(), "auth_cookies", True)
    client.base_url = httpx2.URL("https://test")  # cookies are sent over TLS alone
    await create(client, USERS, person("ann"))
    await sign_in(client, "ann")

    for origin, status in ((SHOP, 200), ("https://evil.example.com", 403)):
        answer = await client.patch(ME, json={"name": "A"}, headers={"Origin": origin})
        assert answer.status_code == status


@pytest.mark.parametrize(("origin", "is_allowed"), [(SHOP, True), ("*", False)])
async def test_only_listed_pages_can_send_cookies(origin: str, is_allowed: bool) -> None:
    app = FastAPI()
    add_middlewares(app, Settings(auth_cookies=True, cors_origins=(origin,)))
    headers = {"Origin": SHOP, "Access-Control-Request-Method": "PATCH"}
    async with client_of(app) as client:
        answer = await client.options(ME, headers=headers)

    assert answer.headers["access-control-allow-origin"] in (SHOP, "*")
    assert ("access-control-allow-credentials" in answer.headers) is is_allowed
