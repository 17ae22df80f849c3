"""Users in tests of the modules that refer to them."""

from __future__ import annotations

from app.modules.users import models, references, schemas
from tests.api import JSON
from tests.contract.case import Case
from tests.modules.users.factory import URL, person


class UserCase(Case):
    async def stored(self) -> list[JSON]:
        """Return the users of the case, without those who send the requests."""
        emails = {self.first["email"], self.second["email"]}
        return [user for user in await super().stored() if user["email"] in emails]


CASE = UserCase(
    url=URL,
    model=models.User,
    schema=schemas.UserCreate,
    query=schemas.UserQuery,
    first=person("first"),
    second=person("second"),
    routes=[],
    service=references.UserReferences,
)
