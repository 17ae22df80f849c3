"""`Idempotency-Key`: a request that is sent twice has its effect once, and the same answer twice.

async def create(user_id: CurrentUserId, data: OrderCreate, session: DbSession, once: Once) -> OrderRead:
    return await once.run(user_id, OrderRead, partial(OrderService(session).create, user_id, data))
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Header, Request
from pydantic import ValidationError, create_model

from app.common.errors import ConflictError
from app.common.schemas import Model
from app.db.session import DbSession
from app.modules.jobs.service import KeyService

ERROR_CHANGED = "An older version of the service has answered this request"
MAX_KEY_LENGTH = 255
Answer = TypeVar("Answer", bound=Model)
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_KEY_LENGTH,
        description="A new text for each request, and the same one when it is sent again",
    ),
]


class OnceRunner:
    """Runs the work of a request, unless a request with the same key has done so."""

    def __init__(self, service: KeyService, request: str, key: str | None, body: bytes) -> None:
        self._service = service
        self._request = request
        self._key = key
        self._body = hashlib.sha256(body).hexdigest()

    async def run(
        self,
        owner_id: uuid.UUID | None,
        schema: type[Answer],
        call: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Return the answer of the call, or that of the first request. Raise 409 for another body.

        The key is stored in the transaction of the request, so a request that fails can be sent
        again, and one that comes while the first is running waits for it.
        """
        if self._key is None:
            return await call()
        scope = hashlib.sha256(f"{owner_id}\n{self._request}\n{self._key}".encode()).hexdigest()
        answered = await self._service.claim(scope, self._body)
        if answered is not None:
            return read_answer(schema, answered)
        answer = await call()
        await self._service.store(scope, answer.model_dump(mode="json"))
        return answer


def read_answer(schema: type[Answer], stored: dict[str, Any]) -> Answer:
    """Return a stored answer, without the fields that the schema has lost or got since then."""
    fields = {name: field for name, field in schema.model_fields.items() if name in stored}
    types: dict[str, Any] = {name: (field.annotation, field) for name, field in fields.items()}
    try:
        known = create_model("Known", __base__=Model, **types).model_validate(
            {name: stored[name] for name in fields}
        )
    except ValidationError as error:
        raise ConflictError(ERROR_CHANGED, code="idempotency_key_used") from error
    values = {name: getattr(known, name) for name in fields}
    return cast("Answer", schema.model_construct(**values))  # Pydantic's plugin of mypy says Model


async def get_once(request: Request, session: DbSession, key: Key = None) -> OnceRunner:
    line = f"{request.method} {request.url.path}"
    return OnceRunner(KeyService(session), line, key, await request.body())


Once = Annotated[OnceRunner, Depends(get_once)]
