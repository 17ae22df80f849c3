"""A service in production: behind a pooler, over TLS, stopped while it works."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
import trustme

from tests.generated import EXAMPLES, lift_limits, make_service, run, serving, variables
from tests.pooling import (
    NO_PGBOUNCER,
    PGBOUNCER,
    create_databases,
    database,
    log_statements,
    pgbouncer,
    session,
    sleeping_pgbouncer,
    statements,
)
from tests.preforked import Preforked
from tests.test_security import programs

pytestmark = pytest.mark.service

__all__ = ["programs"]  # pytest finds the fixture by its name

needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason=NO_PGBOUNCER)
PRODUCTS = {
    "name": "products",
    "entity": "Product",
    "fields": [
        {"name": "sku", "type": "str", "unique": True, "sort": True},
        {"name": "stock", "type": "int", "filter": True},
        {"name": "extra", "type": "json", "nullable": True},
    ],
}
NAME = {"name": "name", "type": "str"}
RELATED: list[dict[str, Any]] = [
    {"name": "makers", "entity": "Maker", "fields": [NAME]},
    {"name": "tags", "entity": "Tag", "fields": [NAME]},
    {
        "name": "parts",
        "entity": "Part",
        "versioned": True,
        "fields": [
            NAME,
            {"name": "maker", "type": "ref", "to": "makers", "expand": True},
            {"name": "tags", "type": "many", "to": "tags"},
        ],
    },
]
# Prints whether the garbage collector looks at the code of a service that runs.
COLLECTED = """
import asyncio, gc
from app.main import app, lifespan
async def serve():
    async with lifespan(app):
        print(any(loaded is lifespan for loaded in gc.get_objects()))
asyncio.run(serve())
"""
# Connects as migrations do.
CONNECT = """
import asyncio, sys
from sqlalchemy.exc import DBAPIError
from app.db.postgresql import DatabaseSettings, create_migration_engine
async def connect(url):
    async with create_migration_engine(DatabaseSettings(database_url=url)).connect():
        return "connected"
for url in sys.argv[1:]:
    try:
        print(asyncio.run(connect(url)))
    except DBAPIError as error:
        print(error.orig)
"""
# The timeout of statements that migrations have, in a transaction and outside.
LIMITS = """
import asyncio, sys, sqlalchemy as sa
from app.db.postgresql import DatabaseSettings, create_migration_engine
async def show(url):
    async with create_migration_engine(DatabaseSettings(database_url=url)).connect() as connection:
        inside = await connection.scalar(sa.text("SHOW statement_timeout"))
        await connection.rollback()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        return inside, await connection.scalar(sa.text("SHOW statement_timeout"))
for url in sys.argv[1:]:
    print(*asyncio.run(show(url)))
"""
# Who gets the only connection: two that wait for it, or one that asks when it is returned.
ORDER = """
import asyncio
from app.db.session import get_engine
async def use(name):
    async with get_engine().connect():
        print(name)
async def main():
    async with get_engine().connect():
        waiting = [asyncio.create_task(use(name)) for name in ("first", "second")]
        await asyncio.sleep(0.1)
    await use("late")
    await asyncio.gather(*waiting)
    await get_engine().dispose()
asyncio.run(main())
"""
# Whether a connection whose server does not answer any longer is replaced.
SILENT = """
import asyncio, os, signal, sqlalchemy as sa
from app.db import postgresql
from app.db.session import get_engine
postgresql.TRIED_AFTER_SECONDS, postgresql.PING_SECONDS = 0, 0.5
async def connected():
    async with get_engine().connect() as connection:
        return await connection.scalar(sa.text("SELECT pg_backend_pid()"))
async def main():
    silent = await connected()
    assert await connected() == silent
    os.kill(silent, signal.SIGSTOP)
    print(await connected() != silent)
    os.kill(silent, signal.SIGCONT)
    await get_engine().dispose()
asyncio.run(main())
"""
NEON = "sslmode=require&channel_binding=require"
STATUSES = ("open", "done")
THREADS = 20
ROUNDS = 24  # of six requests


@dataclass(frozen=True)
class Service:
    """A generated service, its template and programs, and a server for its database."""

    template: Path
    project: Path
    programs: Path
    url: str

    def run(self, *command: str, **settings: str) -> str:
        return run(self.project, self.programs, *command, **settings)


@pytest.fixture(scope="module")
def service(
    programs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service with a module of products."""
    target = tmp_path_factory.mktemp("production") / "service"
    project = make_service(programs[0], target, {"modules": [PRODUCTS, *RELATED]})
    lift_limits(project)
    with database(project, programs[1]) as url:
        yield Service(programs[0], project, programs[1], url)


def use_every_verb(url: str, number: int) -> list[int]:
    """Create, read, list, replace, change and delete a product; return the statuses."""
    client = requests.Session()
    body: dict[str, Any] = {"sku": f"tea {number}", "stock": number, "extra": {"a": [number]}}
    created = client.post(url, json=body)
    path = f"{url}/{created.json()['id']}"
    return [
        created.status_code,
        client.get(path).status_code,
        client.get(f"{url}?sort=-sku&stock={number}&count=true").status_code,
        client.put(path, json={**body, "stock": 0}).status_code,
        client.patch(path, json={"extra": None}).status_code,
        client.delete(path).status_code,
    ]


@needs_pgbouncer
def test_service_works_behind_a_pooler_in_transaction_mode(
    service: Service, tmp_path: Path
) -> None:
    with pgbouncer(service.url, "transaction") as (pooler, authority):
        pooled = {
            "DATABASE_URL": f"{pooler}?pgbouncer=true&sslmode=verify-full&sslrootcert={authority}",
            "DATABASE_STATEMENT_TIMEOUT_MS": "4000",
        }
        with serving(service.project, service.programs, tmp_path / "log", **pooled) as url:
            products = f"{url}/api/v1/products"
            with ThreadPoolExecutor(THREADS) as threads:
                statuses = [*threads.map(use_every_verb, [products] * ROUNDS, range(ROUNDS))]
            with session(service.programs, service.url, "LOCK TABLE products"):
                waited = requests.get(products, timeout=60)
            after = requests.get(products, timeout=60)

        assert statuses == [[201, 200, 200, 200, 200, 204]] * ROUNDS
        assert (waited.status_code, waited.json()["code"]) == (503, "database_busy")
        assert after.status_code == 200
        create_admin = ("python", "-m", "app.create_admin", "bo@example.com", "Bo")
        subprocess.run(
            create_admin,
            cwd=service.project,
            env=variables(service.programs) | pooled,
            input="correct horse battery",
            text=True,
            check=True,
        )


@needs_pgbouncer
def test_certificate_of_the_server_is_verified(service: Service) -> None:
    """Neon prints `channel_binding`; its certificate is one that the system trusts."""
    with pgbouncer(service.url, "session") as (url, authority), TemporaryDirectory() as folder:
        other = Path(folder) / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        urls = [
            f"{url}?{NEON}",
            f"{url}?{NEON}&sslrootcert={other}",
            f"{url}?sslmode=verify-ca&sslrootcert={other}",
            f"{url}?sslmode=require",
            f"{url.replace('localhost', '127.0.0.1')}?{NEON}",
        ]
        trusted = {"SSL_CERT_FILE": str(authority)}
        found = service.run("python", "-c", CONNECT, *urls, **trusted).splitlines()

    unknown = "certificate verify failed: unable to get local issuer certificate"
    assert found[0] == found[3] == "connected"
    assert unknown in found[1]
    assert unknown in found[2]
    assert "IP address mismatch" in found[4]


@needs_pgbouncer
def test_first_request_wakes_the_database_of_the_example_on_neon(
    service: Service, forks: Preforked, tmp_path: Path
) -> None:
    """Pooled and over TLS, migrated directly, stopped while idle; within a bound."""
    project = make_service(service.template, tmp_path / "service", EXAMPLES["neon"])
    create_databases(service.programs, service.url, "neon")
    direct = f"{service.url.rpartition('/')[0]}/neon"
    with sleeping_pgbouncer(direct, "transaction") as (pooler, authority, sleep):
        settings = {
            "DATABASE_URL": f"{pooler.rpartition('/')[0]}/neon?{NEON}&pgbouncer=true",
            "DATABASE_DIRECT_URL": direct,
            "DATABASE_WAKE_SECONDS": "3",
            "SSL_CERT_FILE": str(authority),
            **forks.first("alembic", "uvicorn"),
        }
        with serving(project, service.programs, tmp_path / "log", **settings) as url:
            tasks = f"{url}/api/v1/tasks"
            client = signed_in(url)
            created = [client.post(tasks, json={"title": "Tea", "status": s}) for s in STATUSES]
            path = f"{tasks}/{created[0].json()['id']}"
            sleep(2)
            woken = client.get(f"{tasks}?status=done")
            changed = client.patch(path, json={"status": "doing"})
            deleted = client.delete(path)
            anonymous = requests.get(tasks, timeout=60)
            sleep(None)
            refused = client.get(tasks)

    assert [answer.status_code for answer in created] == [201] * len(STATUSES)
    assert [row["status"] for row in woken.json()["items"]] == ["done"]
    assert (changed.status_code, deleted.status_code, anonymous.status_code) == (200, 204, 401)
    assert woken.elapsed.total_seconds() > 0.5
    assert refused.status_code == 503
    assert 3 <= refused.elapsed.total_seconds() < 20


def signed_in(url: str) -> requests.Session:
    """Register, and return a client that sends the token."""
    client, password = requests.Session(), "correct horse battery"
    account = {"email": "ann@example.com", "name": "Ann", "password": password}
    client.post(f"{url}/api/v1/users", json=account).raise_for_status()
    form = {"username": account["email"], "password": password}
    token = client.post(f"{url}/api/v1/auth/token", data=form).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@needs_pgbouncer
def test_migrations_end_a_statement_timeout_of_the_database(service: Service) -> None:
    """Through a pooler only in transactions: it would give the connection to others afterwards."""
    create_databases(service.programs, service.url, "limited")
    limit = "ALTER DATABASE limited SET statement_timeout = '5s'"
    with session(service.programs, service.url, limit):
        pass
    direct = f"{service.url.rpartition('/')[0]}/limited"
    with pgbouncer(service.url, "transaction") as (url, _):
        pooled = f"{url.rpartition('/')[0]}/limited?pgbouncer=true"
        found = service.run("python", "-c", LIMITS, direct, pooled)

    assert found.splitlines() == ["0 0", "0 5s"]


def test_requests_in_flight_are_answered_before_the_service_stops(
    service: Service, forks: Preforked, tmp_path: Path
) -> None:
    """Several workers, a lock that all requests wait for, and the signal that ends a container."""
    settings = {"DATABASE_URL": service.url, "WEB_CONCURRENCY": "2", **forks.first("alembic")}
    with ExitStack() as lock, ThreadPoolExecutor(THREADS) as threads:
        with serving(service.project, service.programs, tmp_path / "log", **settings) as url:
            lock.enter_context(session(service.programs, service.url, "LOCK TABLE products"))
            bodies = [{"sku": f"coffee {number}", "stock": number} for number in range(8)]
            answers = [threads.submit(post, f"{url}/api/v1/products", body) for body in bodies]
            time.sleep(1)
            assert not any(answer.done() for answer in answers)
            threads.submit(unlock, lock)

        assert [answer.result().status_code for answer in answers] == [201] * 8
        log = (tmp_path / "log").read_text()
        assert (log.count("Started server process"), log.count("Pool disposed")) == (2, 0)


@pytest.fixture(scope="module")
def logged(
    service: Service, forks: Preforked, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The address of the service, which has one connection, and the log of its statements."""
    forked = forks.first("alembic", "uvicorn")
    settings = {"DATABASE_URL": service.url, "DATABASE_POOL_SIZE": "1", **forked}
    log = tmp_path_factory.mktemp("logged") / "log"
    with serving(service.project, service.programs, log, **settings) as url:
        yield f"{url}/api/v1", log_statements(service.programs, service.url)


def test_request_sends_no_statement_that_it_does_not_need(logged: tuple[str, Path]) -> None:
    """Reads have no transaction, connections are not tried, and nothing written is read back."""
    api, log = logged
    client, products = requests.Session(), f"{api}/products"
    body: dict[str, Any] = {"sku": "milk", "stock": 1}
    created = client.post(products, json=body).json()
    path = f"{products}/{created['id']}"
    client.put(path, json={**body, "stock": 2})

    def sent(method: str, address: str, **more: Any) -> list[str]:
        start = len(log.read_text())
        assert client.request(method, address, **more).ok
        return statements(log, start)

    assert [
        sent("GET", f"{products}?sort=-sku"),
        sent("GET", f"{products}?count=true"),
        sent("GET", path),
        sent("POST", products, json={**body, "sku": "bread"}),
        sent("PUT", path, json={**body, "stock": 3}),
        sent("DELETE", path),
    ] == [
        ["SELECT"],
        ["SELECT", "SELECT"],
        ["SELECT"],
        ["BEGIN", "INSERT", "COMMIT"],
        ["BEGIN", "SELECT", "UPDATE", "COMMIT"],
        ["BEGIN", "SELECT", "UPDATE", "COMMIT"],
    ]


def test_connections_are_given_in_the_order_of_the_requests(service: Service) -> None:
    """Otherwise most requests of a load are fast, and some wait until its end."""
    one = {"DATABASE_POOL_SIZE": "1", "DATABASE_POOL_MAX_SIZE": "1"}

    found = service.run("python", "-c", ORDER, DATABASE_URL=service.url, **one)

    assert found.split() == ["first", "second", "late"]


def test_idle_connection_that_became_silent_is_replaced(service: Service) -> None:
    """As by a proxy that drops packets. A request waited for minutes."""
    assert service.run("python", "-c", SILENT, DATABASE_URL=service.url) == "True\n"


def test_garbage_collection_skips_the_loaded_code(service: Service) -> None:
    """It took a tenth of the CPU time of a page of 100 rows."""
    found = service.run("python", "-c", COLLECTED, DATABASE_URL=service.url)

    assert found.startswith("False\n")


def test_page_with_relations_needs_as_many_statements_as_a_row(logged: tuple[str, Path]) -> None:
    """References, links and versions: one statement for each relation, however many rows."""
    api, log = logged
    client = requests.Session()

    def create(module: str, **body: Any) -> str:
        identifier: str = client.post(f"{api}/{module}", json=body).json()["id"]
        return identifier

    for number in range(3):
        ids = [create(module, name=f"{number}") for module in ("makers", "tags", "tags")]
        create("parts", name=f"{number}", maker_id=ids[0], tag_ids=ids[1:])

    def sent(query: str) -> tuple[int, list[str]]:
        start = len(log.read_text())
        items = client.get(f"{api}/parts?{query}").json()["items"]
        assert all(len(item["tag_ids"]) == 2 for item in items)
        return len(items), statements(log, start)

    found = [sent(f"limit={limit}{expand}") for limit in (1, 3) for expand in ("", "&expand=maker")]

    assert found == [(rows, ["SELECT"] * count) for rows in (1, 3) for count in (2, 3)]


def unlock(lock: ExitStack) -> None:
    """Release a lock after the service has received its signal."""
    time.sleep(1)
    lock.close()


def post(url: str, body: dict[str, Any]) -> requests.Response:
    """Send a body."""
    return requests.post(url, json=body, timeout=60)
