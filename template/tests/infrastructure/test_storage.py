"""Presigned URLs for the servers that the settings can name."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import SecretStr

from app.infrastructure import storage
from app.infrastructure.settings import get_settings
from app.infrastructure.storage import presign, sign_request

# The example of the documentation of AWS: "Authenticating Requests: Using Query Parameters".
EXAMPLE = {
    "s3_endpoint": "https://s3.amazonaws.com",
    "s3_bucket": "examplebucket",
    "s3_path_style": False,
    "s3_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "s3_secret_access_key": SecretStr("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
}
SIGNATURE = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


@pytest.fixture(autouse=True)
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the settings and the time of the example."""
    for name, value in EXAMPLE.items():
        monkeypatch.setattr(get_settings(), name, value)
    monkeypatch.setattr(storage, "utc_now", lambda: dt.datetime(2013, 5, 24, tzinfo=dt.UTC))


def test_url_is_signed_as_aws_does() -> None:
    url = presign("GET", "test.txt", 86400)

    assert url.startswith("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=")
    assert url.endswith(f"&X-Amz-Signature={SIGNATURE}")


def test_url_that_is_logged_has_no_signature() -> None:
    url, headers = sign_request("PUT", "a b", {"Content-Length": "4"})

    assert url == "https://examplebucket.s3.amazonaws.com/a%20b"
    assert "SignedHeaders=content-length;host;x-amz-" in headers["authorization"]


@pytest.mark.parametrize(
    ("settings", "beginning"),
    [
        ({"s3_path_style": True}, "https://s3.amazonaws.com/examplebucket/"),
        ({"s3_endpoint": ""}, "https://examplebucket.s3.us-east-1.amazonaws.com/"),
        ({"s3_public_endpoint": "http://cdn"}, "http://examplebucket.cdn/"),
    ],
)
def test_url_leads_where_the_settings_say(
    settings: dict[str, object], beginning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setattr(get_settings(), name, value)

    assert presign("GET", "a b", 60).startswith(f"{beginning}a%20b?")


def test_client_takes_the_settings_of_buckets_that_are_hosts() -> None:
    storage.get_store.cache_clear()

    assert storage.get_store().config["endpoint"] == "https://examplebucket.s3.amazonaws.com"

    storage.get_store.cache_clear()
