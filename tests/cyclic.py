"""Modules that refer to one another in a cycle, and the tests of what only a cycle shows."""

from __future__ import annotations

from cofee.spec import module_rules
from cofee.spec.record import Module
from tests.strategies import FACTS, Record

# Rules that name references to a later module, whose columns come after the table.
RULES = {
    "unique_together": [["last_invoice", "place"]],
    "indexes": [["place", "last_invoice"]],
    "checks": ["last_invoice_id IS NULL OR place > 7", "receipt_id IS NOT NULL OR place > 5"],
}

# What a service's own tests cannot know: which of its modules are a cycle.
BY_HAND = '''
"""What becomes of rows that refer to one another."""

from __future__ import annotations

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession

from app.modules.invoices.models import Invoice
from app.modules.orders.models import Order
from tests.api import create
from tests.modules.orders.case import CASE as ORDERS
from tests.modules.seas.case import CASE as SEAS

RING = {"springs": "river", "rivers": "sea", "seas": "spring"}


async def test_deletion_goes_around_a_cycle_once(client: httpx2.AsyncClient) -> None:
    ids: dict[str, str] = {}
    for name in ("seas", "rivers", "springs"):
        target = ids.get(f"{RING[name]}s")
        row = await create(client, f"/api/v1/{name}", {f"{RING[name]}_id": target})
        ids[name] = row["id"]
    await SEAS.update(client, {"id": ids["seas"]}, {"spring_id": ids["springs"]})

    deleted = await client.delete(f"/api/v1/rivers/{ids['rivers']}")

    assert deleted.status_code == 204
    for name in RING:
        assert (await client.get(f"/api/v1/{name}")).json()["items"] == []


async def test_rows_that_restrict_each_other_stay(client: httpx2.AsyncClient) -> None:
    order = await create(client, "/api/v1/orders", {"code": "a"})
    invoice = await create(client, "/api/v1/invoices", {"number": 1, "order_id": order["id"]})
    await ORDERS.update(client, order, {"receipt_id": invoice["id"]})

    refused = await client.delete(f"/api/v1/invoices/{invoice['id']}")

    assert refused.status_code == 409
    assert (await client.get(f"/api/v1/orders/{order['id']}/invoices")).json()["items"] == [invoice]
    below = await client.get(f"/api/v1/invoices/{invoice['id']}/order/by-receipt")
    assert below.json()["id"] == order["id"]


async def test_two_new_rows_are_written_at_once(session: AsyncSession) -> None:
    order = Order(code="a")
    order.last_invoice = Invoice(number=1, order=order)
    session.add(order)
    await session.flush()

    assert order.last_invoice_id == order.last_invoice.id
    assert order.last_invoice.order_id == order.id
'''


def fields(*references: tuple[str, str, str]) -> list[Record]:
    """Give references, each by its name, its type and what it leads to."""
    return [
        {"name": name, "type": kind, "to": to, "on_delete": "cascade", "nullable": True}
        for name, kind, to in references
    ]


def cycles() -> list[Record]:
    """Give a cycle of three modules, and one of two with every kind of relation both ways."""
    orders = [
        {"name": "code", "type": "str", "unique": True},
        {"name": "place", "type": "int", "nullable": True},
        *fields(("last_invoice", "ref", "invoices")),
        {"name": "receipt", "type": "one", "to": "invoices", "nullable": True},
        {"name": "invoices", "type": "many", "to": "invoices"},
        {"name": "drafts", "type": "many", "to": "invoices"},
    ]
    invoices = [
        {"name": "number", "type": "int", "unique": True},
        *fields(
            ("order", "ref", "orders"), ("basis", "one", "orders"), ("root", "ref", "invoices")
        ),
        {"name": "orders", "type": "many", "to": "orders"},
    ]
    modules: list[Record] = [
        {"name": "seas", "entity": "Sea", "fields": fields(("spring", "ref", "springs"))},
        {"name": "rivers", "entity": "River", "fields": fields(("sea", "ref", "seas"))},
        {"name": "springs", "entity": "Spring", "fields": fields(("river", "ref", "rivers"))},
        {"name": "orders", "entity": "Order", "fields": orders, **RULES},
        {"name": "invoices", "entity": "Invoice", "fields": invoices},
    ]
    read = [Module.from_record(module) for module in modules]
    return [module.to_record() for module in module_rules.complete_all(read, FACTS)]
