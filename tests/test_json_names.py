"""Names in JSON: those of `as=`, and those of all fields in camelCase."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Run, snapshot
from tests.generated import EVERY_PART, environment, make_service, run, serving, snapshot_template
from tests.preforked import Preforked

pytestmark = pytest.mark.service

Record = dict[str, Any]
# Standards give these names: OAuth 2.0.
STANDARD = {"access_token", "expires_in", "grant_type", "refresh_token", "token_type"}
MAKERS = {
    "name": "makers",
    "entity": "Maker",
    "fields": [{"name": "name", "type": "str", "unique": True, "json_name": "title"}],
}
LISTED = {"filter": True, "sort": True}
PRODUCTS = {
    "name": "products",
    "entity": "Product",
    "bulk": True,
    "fields": [
        {
            "name": "sort_of",
            "type": "enum",
            "values": ["raw", "done"],
            "json_name": "kind",
            **LISTED,
        },
        {"name": "unit_price", "type": "decimal", "precision": 10, "scale": 2, **LISTED},
        {"name": "data", "type": "json", "nullable": True, "json_name": "metadata"},
        {"name": "maker", "type": "ref", "to": "makers", "expand": True, "json_name": "made_by"},
    ],
}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in a repository."""
    return snapshot_template(tmp_path_factory.mktemp("released") / "template")


@pytest.fixture(scope="module")
def shop(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with names in camelCase."""
    answers = {"auth": "none", "database": "sqlite", "json_names": "camel"}
    target = tmp_path_factory.mktemp("shop") / "shop"
    return make_service(released, target, {**answers, "modules": [MAKERS, PRODUCTS]})


@pytest.fixture
def own(shop: Path, tmp_path: Path) -> Path:
    """A copy of the service, which a test can change."""
    return shutil.copytree(shop, tmp_path / "shop")


class Client(requests.Session):
    """Sends requests below the address of a service."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, self.url + url, *args, **kwargs)


@pytest.fixture(scope="module")
def client(shop: Path, released: Path, forks: Preforked) -> Iterator[Client]:
    """A client of the running service."""
    programs, log = environment(released), shop.parent / "server.log"
    with serving(shop, programs, log, **forks.first("alembic", "uvicorn")) as url:
        yield Client(f"{url}/api/v1")


@pytest.fixture
def body(client: Client) -> Record:
    """The body of a product, whose maker exists."""
    makers = client.get("/makers").json()["items"]
    maker = makers[0] if makers else client.post("/makers", json={"title": "Ann"}).json()
    return {"kind": "raw", "unitPrice": "1.50", "madeById": maker["id"]}


def errors(response: requests.Response) -> list[str]:
    """Return the fields that an error names."""
    assert response.status_code in (409, 422), response.text
    return [error["field"] for error in response.json()["errors"]]


def test_row_has_the_names_of_clients(client: Client, body: Record) -> None:
    created = client.post("/products", json=body)

    assert created.status_code == 201, created.text
    names = {"kind", "unitPrice", "metadata", "madeById"}
    assert {*created.json()} == names | {"id", "createdAt", "updatedAt"}


def test_request_has_either_name_and_not_both(client: Client, body: Record) -> None:
    in_python = {"sort_of": "done", "unit_price": "2.00", "maker_id": body["madeById"]}
    created = client.post("/products", json=in_python)
    both = client.post("/products", json=body | {"sort_of": "done"})

    assert (created.json()["kind"], created.json()["unitPrice"]) == ("done", "2.00")
    assert (both.json()["errors"][0]["code"], errors(both)) == ("extra_forbidden", ["sort_of"])


@pytest.mark.parametrize("price", ["unitPrice", "unit_price"])
@pytest.mark.parametrize("kind", ["kind", "sort_of"])
def test_lists_take_either_name(client: Client, body: Record, price: str, kind: str) -> None:
    """Of filters, ranges and orders; the pages follow one another."""
    for number in ("10.00", "11.00", "12.00"):
        for sort in ("raw", "done"):
            client.post("/products", json=body | {"unitPrice": number, "kind": sort})
    query = {kind: "done", f"{price}{'_min' if '_' in price else 'Min'}": "11", "sort": f"-{price}"}

    found: list[tuple[str, str]] = []
    pages: Record = {"nextCursor": None}
    while not found or pages["nextCursor"]:
        cursor = {"cursor": pages["nextCursor"]} if found else {}
        pages = client.get("/products", params={**query, **cursor, "limit": 1}).json()
        found += [(row["unitPrice"], row["kind"]) for row in pages["items"]]

    assert list(dict.fromkeys(found)) == [("12.00", "done"), ("11.00", "done")]
    both = client.get("/products", params={"kind": ["raw", "done"], "sort": "createdAt"})
    assert both.status_code == 200, both.text
    assert errors(client.get("/products", params={"kind": "raw", "sort_of": "raw"})) == ["sort_of"]


def test_errors_name_fields_as_the_client_or_the_schema(client: Client, body: Record) -> None:
    unknown = {"madeById": "018f4d5e-0000-7000-8000-000000000001"}

    assert errors(client.post("/products", json={})) == ["kind", "unitPrice", "madeById"]
    assert errors(client.post("/products", json=body | {"unitPrice": "x"})) == ["unitPrice"]
    named = {"unit_price": "x", "kind": "raw", "madeById": body["madeById"]}
    assert errors(client.post("/products", json=named)) == ["unit_price"]
    assert errors(client.post("/products", json=body | unknown)) == ["madeById"]
    assert errors(client.post("/products/bulk", json=[body, body | unknown])) == ["1.madeById"]
    assert errors(client.post("/makers", json={"title": "Ann"})) == ["title"]
    assert errors(client.get("/products", params={"sort": "price"})) == ["sort"]


def test_related_rows_have_the_name_of_the_relation(client: Client, body: Record) -> None:
    row = client.post("/products", json=body).json()

    for name in ("madeBy", "maker"):
        expanded = client.get(f"/products/{row['id']}", params={"expand": name}).json()
        assert expanded["madeBy"]["id"] == body["madeById"]


def test_openapi_of_every_part_has_camel_case(released: Path, tmp_path: Path) -> None:
    """Properties, parameters and orders; what standards name keeps its name."""
    answers = {**EVERY_PART, "json_names": "camel"}
    service = make_service(released, tmp_path / "service", answers)
    script = "import json; from app.main import app; print(json.dumps(app.openapi()))"
    settings = {
        "DATABASE_URL": "postgresql://shop@localhost/shop",
        "REDIS_URL": "redis://localhost",
        "EMBEDDING_URL": "http://localhost/v1",
        "EMBEDDING_MODEL": "words",
        "QDRANT_URL": "http://localhost",
        "S3_ACCESS_KEY_ID": "key",
        "S3_SECRET_ACCESS_KEY": "secret",
    }
    shown = run(service, environment(released), "python", "-c", script, **settings)
    document = json.loads(shown.splitlines()[-1])

    assert {name for name in names_in(document) if "_" in name} == STANDARD


def names_in(node: object) -> Iterator[str]:
    """Yield the names of properties, of parameters and of their values that are names."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        if node.get("in") == "query" and node["name"] != "last_event_id":
            yield node["name"]
            yield from node["schema"].get("enum", ()) if node["name"] == "sort" else ()
    for value in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from names_in(value)


def test_option_and_back_keeps_edits(own: Path, cofee: Run) -> None:
    schemas = own / "app/modules/products/schemas.py"
    schemas.write_text(schemas.read_text() + "\n\nMINE = 1\n")
    before = snapshot(own)

    for names in ("snake", "camel"):
        done = cofee("set", f"json_names={names}", "-C", own)
        assert done.code == 0, done.err

    assert snapshot(own) == before


def test_names_that_would_be_the_same_are_refused(own: Path, cofee: Run) -> None:
    before = snapshot(own)
    clashes = {
        "price:int:null:as=unitPrice": "`unit_price` and `price` would both be called `unitprice`",
        "made:ref:makers:null:as=madeBy": "`maker` and `made` would both be called `madeby`",
        "sort:int:null:as=sort_of": "`sort_of` and `sort` would both be called `sortof`",
    }

    refused = cofee("add-field", "products", *clashes, "-C", own)

    words = " ".join(refused.err.split())
    assert (refused.code, [problem for problem in clashes.values() if problem not in words]) == (
        1,
        [],
    )
    in_camel = cofee("add-field", "products", "line_1:str:null", "line1:str:null", "-C", own)
    assert "would both be called `line1`" in " ".join(in_camel.err.split())
    assert snapshot(own) == before


def test_column_takes_the_name_of_clients(own: Path, cofee: Run) -> None:
    """Renamed to its name in JSON, a field needs no other; renamed otherwise, it keeps it."""
    for new, shown in (("sorting", "as=kind"), ("kind", "")):
        old = "sort_of" if shown else "sorting"
        assert cofee("rename-field", "products", old, new, "-C", own).code == 0
        listed = cofee("status", "products", "-C", own).out
        assert f"{new}:enum:raw,done:filter:sort{':' if shown else ''}{shown}" in listed
        assert ("as=kind" in listed) == bool(shown)
