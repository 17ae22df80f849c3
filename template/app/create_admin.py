"""Create an administrator: `python -m app.create_admin ann@example.com Ann`.

Other fields that the service requires of users follow as `FIELD=VALUE`.
The password is prompted for, or read from standard input without a terminal. It is not an argument,
because other users of the machine could see it.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys

from pydantic import SecretStr, ValidationError
from sqlalchemy.exc import IntegrityError

from app.db.session import get_engine, get_sessions
from app.db.violations import read_violation
from app.modules.users.schemas import UserCreate
from app.modules.users.service import UserService

ERROR_TAKEN = "A user with this {} already exists"


def main() -> None:
    """Create the administrator from the arguments."""
    parser = argparse.ArgumentParser(prog="python -m app.create_admin", description=__doc__)
    parser.add_argument("email", help="email address to sign in with")
    parser.add_argument("name", help="full name")
    parser.add_argument("field", nargs="*", metavar="FIELD=VALUE", help="another field")
    arguments = parser.parse_args()
    values = dict(pair.partition("=")[::2] for pair in arguments.field)
    values |= {"email": arguments.email, "name": arguments.name, "password": ask_password()}
    try:
        asyncio.run(create(UserCreate.model_validate(values)))
    except ValidationError as error:
        sys.exit("\n".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors()))
    except IntegrityError as error:
        sys.exit(ERROR_TAKEN.format(" and ".join(read_violation(error).fields)))


def ask_password() -> SecretStr:
    """Prompt for the password without showing it."""
    if sys.stdin.isatty():
        return SecretStr(getpass.getpass())
    return SecretStr(sys.stdin.readline().rstrip("\n"))


async def create(data: UserCreate) -> None:
    async with get_sessions().begin() as session:
        await UserService(session).create(data, role="admin")
    await get_engine().dispose()


if __name__ == "__main__":
    main()
