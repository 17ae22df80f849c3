"""Sign-in through a provider, with a real one on this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.infrastructure.provider import get_client
from app.infrastructure.settings import get_settings
from app.infrastructure.tls import get_tls
from app.modules.users.models import User
from tests.api import JSON, assert_problem, create
from tests.modules.users.factory import PASSWORD, bearer, person, sign_in, signed_in
from tests.modules.users.factory import URL as USERS
from tests.provider import CLIENT_ID, CLIENT_SECRET, running_provider

URL = "/api/v1/auth/provider"
ME = f"{USERS}/me"
ANN: JSON = {"sub": "1", "email": "Ann@Example.com", "email_verified": True, "name": "Ann"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The URL of a running provider."""
    with running_provider() as address:
        yield address


@pytest_asyncio.fixture
async def browser(
    client: httpx2.AsyncClient, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client before sign-in, of a service that is configured for the provider."""
    settings = get_settings()
    monkeypatch.setattr(settings, "oidc_issuer", issuer)
    monkeypatch.setattr(settings, "oidc_client_id", CLIENT_ID)
    monkeypatch.setattr(settings, "oidc_client_secret", SecretStr(CLIENT_SECRET))
    get_client.cache_clear()
    client.base_url = httpx2.URL("https://test")  # its cookies are sent over TLS alone
    yield client
    get_client.cache_clear()


async def go(browser: httpx2.AsyncClient, claims: JSON) -> str:
    """Sign in at the provider with these claims and return the URL of the callback."""
    address = get_settings().oidc_issuer
    to_provider = (await browser.get(URL)).headers["location"]
    async with httpx2.AsyncClient(verify=get_tls()) as outside:
        await outside.post(f"{address}/next", json=claims)
        return str((await outside.get(to_provider)).headers["location"])


async def enter(browser: httpx2.AsyncClient, claims: JSON) -> httpx2.Response:
    """Sign in through the provider."""
    return await browser.get(await go(browser, claims))


async def test_authorization_request_has_pkce_state_and_nonce(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get(URL)

    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.status_code == 302
    assert query["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(query)
    assert query["redirect_uri"] == [f"https://test{URL}/callback"]
    cookie = answer.headers["set-cookie"]
    assert all(mark in cookie for mark in ("HttpOnly", "Secure", "SameSite=lax"))


async def test_new_identity_becomes_a_user(browser: httpx2.AsyncClient) -> None:
    tokens = (await enter(browser, ANN)).json()

    me = (await browser.get(ME, headers=bearer(tokens))).json()
    assert (me["email"], me["name"], me["role"]) == ("ann@example.com", "Ann", "user")


async def test_user_without_a_name_is_called_by_their_email(browser: httpx2.AsyncClient) -> None:
    tokens = (await enter(browser, ANN | {"name": None})).json()

    assert (await browser.get(ME, headers=bearer(tokens))).json()["name"] == "ann@example.com"


async def test_browser_returns_to_its_page(
    browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "auth_cookies", True)
    monkeypatch.setattr(get_settings(), "oidc_return_url", "https://shop.example.com/")

    answer = await enter(browser, ANN)

    assert (answer.status_code, answer.headers["location"]) == (303, "https://shop.example.com/")
    assert answer.json()["access_token"] is None
    assert (await browser.get(ME)).json()["name"] == "Ann"


async def test_known_identity_is_the_same_user(browser: httpx2.AsyncClient) -> None:
    first = (await enter(browser, ANN)).json()

    second = (await enter(browser, ANN | {"email": "new@example.com"})).json()

    users = [(await browser.get(ME, headers=bearer(one))).json() for one in (first, second)]
    assert users[0] == users[1]


async def test_verified_email_signs_in_its_user_and_ends_other_sessions(
    browser: httpx2.AsyncClient,
) -> None:
    headers = await signed_in(browser)
    ann = (await browser.get(ME, headers=headers)).json()

    tokens = (await enter(browser, ANN)).json()

    assert (await browser.get(ME, headers=bearer(tokens))).json()["id"] == ann["id"]
    assert_problem(await browser.get(ME, headers=headers), 401)
    form = {"username": "ann@example.com", "password": PASSWORD}
    assert_problem(await browser.post("/api/v1/auth/token", data=form), 401)


async def test_identity_does_not_follow_an_unverified_email(browser: httpx2.AsyncClient) -> None:
    eve = ANN | {"sub": "2", "email": "eve@example.com"}
    headers = bearer((await enter(browser, eve)).json())
    await browser.patch(ME, json={"email": "ann@example.com"}, headers=headers)

    ann = bearer((await enter(browser, ANN)).json())
    other = bearer((await enter(browser, eve)).json())

    one, two = [(await browser.get(ME, headers=who)).json() for who in (ann, other)]
    assert one["id"] != two["id"]


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": None}, {"email": None}], ids=str
)
async def test_unverified_email_returns_403(browser: httpx2.AsyncClient, claims: JSON) -> None:
    await create(browser, USERS, person("ann"))

    assert_problem(await enter(browser, ANN | claims), 403)
    assert await sign_in(browser, "ann")


async def test_deactivated_user_returns_401(
    browser: httpx2.AsyncClient, session: AsyncSession
) -> None:
    await enter(browser, ANN)
    await session.execute(sa.update(User).values(is_active=False))
    await session.commit()

    assert_problem(await enter(browser, ANN), 401)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"signed_by": "foreign"},
        {"aud": "another"},
        {"iss": "https://other.example.com"},
        {"exp": 1},
        {"sub": ""},
    ],
    ids=str,
)
async def test_invalid_id_token_returns_401(browser: httpx2.AsyncClient, claims: JSON) -> None:
    assert_problem(await enter(browser, ANN | claims), 401)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (json.dumps({"access_token": "theirs", "userinfo": ANN | {"iss": "other"}}), 401),
        (json.dumps({"access_token": "theirs", "id_token": None}), 502),
        ("[" * 100_000, 502),
    ],
    ids=["unsigned", "null", "deep"],
)
async def test_response_without_an_id_token_is_rejected(
    browser: httpx2.AsyncClient, answer: str, status: int
) -> None:
    assert_problem(await enter(browser, {"answer": answer}), status)


async def test_code_is_valid_once(browser: httpx2.AsyncClient) -> None:
    back = await go(browser, ANN)
    cookies = dict(browser.cookies)
    assert (await browser.get(back)).status_code == 200

    assert_problem(await browser.get(back), 401)
    browser.cookies.update(cookies)
    assert_problem(await browser.get(back), 401)


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?error=access_denied"])
async def test_callback_without_a_login_returns_401(
    browser: httpx2.AsyncClient, query: str
) -> None:
    await browser.get(URL)

    assert_problem(await browser.get(f"{URL}/callback{query}"), 401)


async def test_callback_in_another_browser_returns_401(browser: httpx2.AsyncClient) -> None:
    back = await go(browser, ANN)
    browser.cookies.clear()

    assert_problem(await browser.get(back), 401)


async def test_missing_provider_returns_an_error(
    browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for issuer, status in (("", 503), ("http://127.0.0.1:1", 502)):
        monkeypatch.setattr(get_settings(), "oidc_issuer", issuer)
        get_client.cache_clear()
        assert_problem(await browser.get(URL), status)
