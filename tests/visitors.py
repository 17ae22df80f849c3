"""Users of a served service."""

from __future__ import annotations

import requests

PASSWORD = "correct horse battery"
ANN = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}


def register(api: str) -> requests.Response:
    """Make Ann a user."""
    return requests.post(f"{api}/users", json=ANN, timeout=60)


def sign_in(api: str, password: str = PASSWORD) -> requests.Response:
    """Ask for tokens."""
    form = {"username": ANN["email"], "password": password}
    return requests.post(f"{api}/auth/token", data=form, timeout=60)
