"""Notifications in tests: two valid bodies, as the service takes them."""

from __future__ import annotations

from app.modules.notifications import models, schemas, service
from tests.contract.case import Case
from tests.contract.owners import OWNER

CASE = Case(
    url="/api/v1/notifications",
    model=models.Notification,
    schema=schemas.NotificationCreate,
    query=schemas.NotificationQuery,
    first={"kind": "order.paid", "title": "Your order is paid", "body": "Thanks", "link": "/1"},
    second={"kind": "order.sent", "title": "Your order is sent", "body": None, "link": None},
    nullable=["body", "link"],
    filters=["kind"],
    owner=OWNER,
    routes=["list", "read", "delete"],
    service=service.NotificationService,
)
