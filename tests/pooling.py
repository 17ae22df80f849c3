"""PostgreSQL servers of tests, a PgBouncer before them, and sessions that hold locks."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

import trustme

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
UNPRIVILEGED = "daemon"  # a user of every system
NO_PGBOUNCER = "there is no pgbouncer here: install the package `pgbouncer` of the system"
SERVER = (
    "import sys, dev.postgresql as p\n"
    "with p.temporary_database() as url: print(url, flush=True); sys.stdin.read()"
)
# Kills the server and starts it again, on the same port, with each line of input.
MORTAL_SERVER = """
import os, pathlib, signal, subprocess, sys, tempfile, time, dev.postgresql as p
def start():
    with cluster.log.open("ab") as log:
        command = [cluster.programs / "postgres", "-D", cluster.data, "-p", str(port)]
        options = ["-h", p.HOST, "-k", ""]
        process = subprocess.Popen(
            command + options,
            cwd=cluster.root,
            stderr=log,
            start_new_session=True,
            **cluster.identity,
        )
    p.wait_until_ready(cluster, process)
    return process
with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
    cluster, port = p.prepare(pathlib.Path(folder)), p.free_port()
    server = start()
    print(p.database_url(port), flush=True)
    for _ in sys.stdin:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        time.sleep(1)
        server = start()
        print("restarted", flush=True)
    p.stop(server)
"""
# Runs statements in one transaction, says so, and ends it when its input ends.
SESSION = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1].replace("+asyncpg", ""))
    async with connection.transaction():
        await connection.execute(sys.argv[2])
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""
CREATE_DATABASES = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1].replace("+asyncpg", ""))
    for name in sys.argv[2:]:
        await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
asyncio.run(main())
"""
QUERY = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1].replace("+asyncpg", ""))
    print(await connection.fetchval(sys.argv[2]))
    await connection.close()
asyncio.run(main())
"""
# Logs all statements of a server, whose log is beside its data.
LOG_STATEMENTS = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1].replace("+asyncpg", ""))
    await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
    await connection.execute("SELECT pg_reload_conf()")
    print(await connection.fetchval("SHOW data_directory"))
asyncio.run(main())
"""
NOTICED_SECONDS = 0.5  # until a client knows that its idle connection is closed
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (\w+)")
# Fewer connections than the service opens, so that each transaction gets another one.
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 3
max_client_conn = 200
client_tls_sslmode = allow
client_tls_key_file = {folder}/key.pem
client_tls_cert_file = {folder}/certificate.pem
"""


@contextmanager
def database(project: Path, programs: Path) -> Iterator[str]:
    """Run a new PostgreSQL server, and yield its URL."""
    with _talking([programs / "bin/python", "-c", SERVER], project) as url:
        yield url


@contextmanager
def mortal_database(project: Path, programs: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a new server; yield its URL, and a function that kills it and starts it again."""
    with subprocess.Popen(
        [programs / "bin/python", "-c", MORTAL_SERVER],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        told, said = process.stdin, process.stdout
        assert told
        assert said

        def restart() -> None:
            told.write("restart\n")
            told.flush()
            assert said.readline() == "restarted\n"

        yield said.readline().strip(), restart
        told.close()


def create_databases(programs: Path, url: str, *names: str) -> None:
    """Create databases in the server of a URL."""
    subprocess.run([programs / "bin/python", "-c", CREATE_DATABASES, url, *names], check=True)


def query(programs: Path, url: str, text: str) -> str:
    """Return the one value that a query finds."""
    command = [str(programs / "bin/python"), "-c", QUERY, url, text]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def log_statements(programs: Path, url: str) -> Path:
    """Make a server log its statements, and return the path of the log."""
    command = [str(programs / "bin/python"), "-c", LOG_STATEMENTS, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()).with_name("server.log")


def statements(log: Path, start: int) -> list[str]:
    """Return the first word of each statement that was logged after a position."""
    return STATEMENT.findall(log.read_text()[start:])


@contextmanager
def session(programs: Path, url: str, statement: str) -> Iterator[None]:
    """Keep a transaction open after a statement."""
    with _talking([programs / "bin/python", "-c", SESSION, url, statement], Path("/")):
        yield


@contextmanager
def _talking(command: list[Path | str], folder: Path) -> Iterator[str]:
    """Run a program that prints a line when it is ready, and ends with its input."""
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        line = process.stdout.readline().strip()
        try:
            yield line
        finally:
            process.stdin.close()


@contextmanager
def pgbouncer(url: str, mode: str) -> Iterator[tuple[str, Path]]:
    """Run a PgBouncer; yield its URL and the certificate of its authority."""
    with sleeping_pgbouncer(url, mode) as (pooler, authority, _):
        yield pooler, authority


@contextmanager
def sleeping_pgbouncer(
    url: str, mode: str
) -> Iterator[tuple[str, Path, Callable[[float | None], None]]]:
    """Run a PgBouncer; yield its URL, a certificate, and a function that stops it.

    It starts again after the seconds that the function is given.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = url.rpartition(":")[2].partition("/")[0]
    with TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        _write_certificates(folder)
        text = CONFIGURATION.format(server=server, port=port, folder=folder, mode=mode)
        (folder / "pgbouncer.ini").write_text(text)
        running = [_start(folder)]

        def sleep(seconds: float | None) -> None:
            running[-1].kill()
            running[-1].wait()
            if seconds is not None:
                Timer(seconds, lambda: running.append(_start(folder))).start()
            time.sleep(NOTICED_SECONDS)

        try:
            _wait_for(port, running[-1], folder / "log")
            pooler = f"postgresql://postgres@localhost:{port}/postgres"
            yield pooler, folder / "authority.pem", sleep
        finally:
            running[-1].terminate()
            running[-1].wait()


def _start(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        command = [str(PGBOUNCER), "pgbouncer.ini"]
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, user=_lend(folder))


def _write_certificates(folder: Path) -> None:
    """Write a certificate of `localhost`, and that of the new authority that issued it."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")


def _lend(folder: Path) -> int | None:
    """Return the user that runs PgBouncer, which refuses to be run by root."""
    if os.geteuid() != 0:
        return None
    server = pwd.getpwnam(UNPRIVILEGED).pw_uid
    for path in (folder, *folder.iterdir()):
        os.chown(path, server, server)
    return server


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(log.read_text())
