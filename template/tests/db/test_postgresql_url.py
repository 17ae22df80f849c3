"""URLs are accepted as providers print them, or rejected by the name of what is wrong."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from app.db.postgresql import DatabaseSettings, target
from app.db.postgresql_url import read_url

HOST = "localhost/service"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_scheme_becomes_that_of_the_driver(scheme: str) -> None:
    url = read_url(f"{scheme}://ann:p%40ss@{HOST}").url

    assert url.render_as_string(hide_password=False) == f"postgresql+asyncpg://ann:p%40ss@{HOST}"


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("sslmode=require", {"ssl": "require"}),
        ("ssl=disable&channel_binding=prefer", {"ssl": False}),
        ("application_name=shop", {"server_settings": {"application_name": "shop"}}),
        ("options=-c%20jit%3Doff", {"server_settings": {"options": "-c jit=off"}}),
        ("connect_timeout=7", {"timeout": 7.0}),
        ("target_session_attrs=read-write", {"target_session_attrs": "read-write"}),
        ("prepared_statement_cache_size=0", {}),
    ],
)
def test_parameters_become_arguments_of_the_driver(query: str, arguments: dict[str, Any]) -> None:
    assert read_url(f"postgres://{HOST}?{query}").connect_args == arguments


@pytest.mark.parametrize(
    ("query", "verified", "by_name"),
    [
        ("sslmode=verify-full", True, True),
        ("sslmode=verify-ca", True, False),
        ("sslmode=require&channel_binding=require", True, True),
        ("sslmode=require&sslrootcert=system", True, True),
    ],
)
def test_certificate_is_verified(query: str, verified: bool, by_name: bool) -> None:
    context = read_url(f"postgres://{HOST}?{query}").connect_args["ssl"]

    assert (context.verify_mode == ssl.CERT_REQUIRED) is verified
    assert context.check_hostname is by_name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mysql://localhost", "must start with postgresql://"),
        ("postgres://ann:p@ss/w#rd:x@localhost/x", "is not a URL"),
        (f"postgres://{HOST}?gssencmode=disable", "unsupported parameters: gssencmode"),
        (f"postgres://{HOST}?sslmode=yes", "invalid sslmode"),
        (f"postgres://{HOST}?connect_timeout=soon", "invalid connect_timeout"),
        (f"postgres://{HOST}?sslmode=verify-ca&sslrootcert=/no.pem", "cannot be read"),
        ("postgres://a-pooler.eu.example/x?options=-c%20jit%3Doff", "DATABASE_DIRECT_URL"),
    ],
)
def test_what_cannot_be_translated_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"DATABASE_URL .*{reason}") as refused:
        DatabaseSettings(database_url=text)

    assert "w#rd" not in str(refused.value.__cause__)


@pytest.mark.parametrize(
    ("text", "setting", "pooled"),
    [
        ("postgres://a-pooler.eu.example/x", None, True),
        ("postgres://a-pooler.eu.example/x", False, False),
        ("postgres://a.eu.example/x?pgbouncer=true", None, True),
        ("postgres://a.eu.example/x", True, True),
        ("postgres://a.eu.example/x", None, False),
    ],
)
def test_pooler_is_recognised(text: str, setting: bool | None, pooled: bool) -> None:
    assert read_url(text, pooled=setting).pooled is pooled


def test_password_with_special_characters_can_be_a_setting_of_its_own() -> None:
    settings = DatabaseSettings.model_validate(
        {"database_url": f"postgres://ann@{HOST}", "database_password": "p@ss/w#rd%:$"}
    )

    assert target(settings).url.password == "p@ss/w#rd%:$"
    assert "w#rd" not in repr(settings)


def test_migrations_bypass_the_pooler() -> None:
    settings = DatabaseSettings(
        database_url="postgres://a-pooler.example/x", database_direct_url="postgres://a.example/x"
    )

    direct = target(settings, direct=True)
    assert (target(settings).pooled, direct.pooled) == (True, False)
    assert direct.url.host == "a.example"
