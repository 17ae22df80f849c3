"""Conversations in tests: two valid bodies, and invalid values."""

from __future__ import annotations

from app.modules.conversations import models, schemas, service
from tests.contract.case import Case
from tests.contract.owners import OWNER

CASE = Case(
    url="/api/v1/conversations",
    model=models.Conversation,
    schema=schemas.ConversationCreate,
    query=schemas.ConversationQuery,
    first={"title": "alpha"},
    second={"title": "bravo"},
    invalid={"title": ["", "a" * 201, "a\nb", 1]},
    nullable=["title"],
    owner=OWNER,
    routes=["create", "list", "read", "update", "delete"],
    service=service.ConversationService,
)
