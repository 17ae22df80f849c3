"""Only pages of the service and of known sites are served."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from app.infrastructure.pages import is_known_page
from app.infrastructure.settings import get_settings

OWN = {"Host": "api.example.com"}
SHOP = "https://shop.example.com"
EVIL = "https://evil.example.com"


@pytest.mark.parametrize(
    ("headers", "is_known"),
    [
        (OWN, True),
        (OWN | {"Origin": "https://api.example.com"}, True),
        (OWN | {"Origin": SHOP}, True),
        (OWN | {"Origin": SHOP, "Sec-Fetch-Site": "same-site"}, True),
        (OWN | {"Origin": "http://proxied", "Sec-Fetch-Site": "same-origin"}, True),
        (OWN | {"Origin": "null", "Sec-Fetch-Site": "none"}, True),
        ({"Host": "localhost:8000", "Origin": "http://localhost:8000"}, True),
        ({"Host": "[::1]:8000", "Origin": "http://[::1]:8000"}, True),
        (OWN | {"Origin": EVIL}, False),
        (OWN | {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}, False),
        (OWN | {"Origin": "https://www.example.com", "Sec-Fetch-Site": "same-site"}, False),
        (OWN | {"Sec-Fetch-Site": "cross-site"}, False),
        (OWN | {"Origin": "null"}, False),
        (OWN | {"Origin": "http://["}, False),
        (OWN | {"Origin": "http://api.example.com"}, False),
        (OWN | {"Origin": "http://localhost.evil.example.com"}, False),
        ({"Host": "localhost:8000", "Origin": "http://localhost:3000"}, False),
        # The name of the other site resolves to this machine.
        ({"Host": "evil.example.com", "Origin": "http://evil.example.com"}, False),
        ({"Host": "localhost.evil.com", "Origin": "http://localhost.evil.com"}, False),
    ],
    ids=str,
)
def test_pages_of_other_sites_are_told_from_known_ones(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], is_known: bool
) -> None:
    monkeypatch.setattr(get_settings(), "cors_origins", (SHOP,))
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    assert is_known_page(HTTPConnection({"type": "http", "headers": raw})) == is_known
