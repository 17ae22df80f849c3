"""Hashing takes the same time for all users, and no password is stored."""

from __future__ import annotations

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher
from pydantic import SecretStr

from app.infrastructure.passwords import hash_password, verify_password
from app.infrastructure.settings import get_settings

PASSWORD = SecretStr("correct horse battery")


async def test_hash_has_the_cost_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert get_settings().bcrypt_rounds == 12
    monkeypatch.setattr(get_settings(), "bcrypt_rounds", 5)

    stored = await hash_password(PASSWORD)

    assert stored.startswith("$2b$05$")
    assert PASSWORD.get_secret_value() not in stored


async def test_unknown_user_takes_as_long_as_a_known_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(get_settings(), "bcrypt_rounds", 4)
    stored = await hash_password(PASSWORD)
    costs = []
    verify = BcryptHasher.verify

    def note(hasher: BcryptHasher, password: str | bytes, stored: str | bytes) -> bool:
        costs.append(str(stored)[:7])
        return verify(hasher, password, stored)

    monkeypatch.setattr(BcryptHasher, "verify", note)
    too_long = SecretStr("x" * 73)
    answers = [
        await verify_password(password, hashed)
        for password in (PASSWORD, too_long)
        for hashed in (stored, None)
    ]

    assert costs == ["$2b$04$"] * 4
    assert [is_right for is_right, _ in answers] == [True, False, False, False]


async def test_password_longer_than_bcrypt_reads_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_settings(), "bcrypt_rounds", 4)
    stored = await hash_password(SecretStr("x" * 72))

    assert (await verify_password(SecretStr("x" * 72), stored))[0]
    assert not (await verify_password(SecretStr("x" * 73), stored))[0]
