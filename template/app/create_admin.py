"""Create an administrator: `python -m app.create_admin ann@example.com Ann`.

The password is asked for, or read from standard input where nobody can be asked: on the command
line, others on the machine would see it.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys

from pydantic import SecretStr, ValidationError
from sqlalchemy.exc import IntegrityError

from app.db.session import get_engine, get_sessions
from app.modules.users.schemas import UserCreate
from app.modules.users.service import UserService

ERROR_TAKEN = "A user with this email address is there already"


def main() -> None:
    """Read who it is, and store them."""
    parser = argparse.ArgumentParser(prog="python -m app.create_admin", description=__doc__)
    parser.add_argument("email", help="what they sign in with")
    parser.add_argument("name", help="what they are called")
    arguments = parser.parse_args()
    try:
        data = UserCreate(email=arguments.email, name=arguments.name, password=ask_password())
        asyncio.run(create(data))
    except ValidationError as error:
        sys.exit("\n".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors()))
    except IntegrityError:
        sys.exit(ERROR_TAKEN)


def ask_password() -> SecretStr:
    """Ask for the password without showing it."""
    if sys.stdin.isatty():
        return SecretStr(getpass.getpass())
    return SecretStr(sys.stdin.readline().rstrip("\n"))


async def create(data: UserCreate) -> None:
    """Store the administrator."""
    async with get_sessions().begin() as session:
        await UserService(session).create(data, role="admin")
    await get_engine().dispose()


if __name__ == "__main__":
    main()
