"""Password rules and hashes. Bcrypt is slow, so it runs in a thread."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.bcrypt import BcryptHasher
from pydantic import AfterValidator, SecretStr, ValidatorFunctionWrapHandler, WrapValidator

from app.infrastructure.settings import get_settings

MAX_BYTES = 72
ERROR_TOO_SHORT = "A password has at least {length} characters"
ERROR_TOO_LONG = f"A password has at most {MAX_BYTES} bytes"


def keep_spaces(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Keep the spaces at the ends of a password, unlike those of other texts."""
    stripped = handler(value)
    return SecretStr(value) if isinstance(value, str) else stripped


def require_policy(password: SecretStr) -> SecretStr:
    """Reject a password that is too short, or longer than bcrypt supports."""
    text = password.get_secret_value()
    length = get_settings().password_min_length
    if len(text) < length:
        raise ValueError(ERROR_TOO_SHORT.format(length=length))
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(ERROR_TOO_LONG)
    return password


Password = Annotated[SecretStr, WrapValidator(keep_spaces)]
NewPassword = Annotated[Password, AfterValidator(require_policy)]


async def hash_password(password: SecretStr) -> str:
    """Return the hash of a password."""
    return await to_thread.run_sync(_hashing().hash, password.get_secret_value())


async def verify_password(password: SecretStr, stored: str | None) -> tuple[bool, str | None]:
    """Return whether the password matches, and a new hash if the cost has changed.

    Without a hash it takes the same time, so that timing does not reveal whether a user exists.
    """
    text = password.get_secret_value().encode()
    candidate = text[:MAX_BYTES]  # bcrypt raises an error beyond it
    is_right, renewed = await to_thread.run_sync(
        _hashing().verify_and_update, candidate, stored or impossible_hash()
    )
    return is_right and candidate == text and stored is not None, renewed


def _hashing() -> PasswordHash:
    return PasswordHash((BcryptHasher(rounds=get_settings().bcrypt_rounds),))


def impossible_hash() -> str:
    """Return a hash with the current cost that no password matches."""
    return f"$2b${get_settings().bcrypt_rounds:02}${'.' * 53}"
