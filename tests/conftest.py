"""Setup of every test of the generator: a separate cache, settings and git identity."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from copier._main import Worker
from hypothesis import settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from jinja2 import Environment

from cofee.__main__ import main
from cofee.engine.render import Renderer
from cofee.template.clones import Clone
from cofee.template.template import Template
from tests import tiny
from tests.compiled import compile_once
from tests.generated import ENVIRONMENTS, environment, snapshot_template
from tests.judging import Judge, forking
from tests.preforked import Preforked

Tree = dict[str, bytes]

# Collect garbage seldom: nearly all that is imported and collected lives until the end.
gc.set_threshold(200_000)


class OnceForEachCommit(functools.cached_property[Any]):
    """A property of templates or renderers that is computed once for a commit, as by one command.

    The files of a working tree can change.
    """

    def __init__(self, known: functools.cached_property[Any]) -> None:
        super().__init__(known.func)
        self.values: dict[Path, Any] = {}

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        """Return what another template or renderer of this commit has."""
        template = getattr(instance, "template", instance)
        if template.commit_hash is None:
            return super().__get__(instance, owner)
        if template.root not in self.values:
            self.values[template.root] = super().__get__(instance, owner)
        return self.values[template.root]


def share(kind: type, *names: str) -> None:
    """Share these properties among the templates or renderers of a commit."""
    for name in names:
        shared = OnceForEachCommit(kind.__dict__[name])
        shared.__set_name__(kind, name)
        setattr(kind, name, shared)


share(Template, "configuration", "facts")
share(Renderer, "environment", "_reading", "_sources")


def share_rendered_files() -> None:
    """Let no command render a file that another one of this process has rendered."""
    start = Renderer.__init__
    made: dict[tuple[str, ...], bytes] = {}

    def remember(self: Renderer, template: Template, like: Renderer | None = None) -> None:
        start(self, template, like)
        if template.commit_hash is not None:
            self._made = made

    pytest.MonkeyPatch().setattr(Renderer, "__init__", remember)


share_rendered_files()


# Hypothesis also draws constants of the loaded code, which depends on the tests before.
providers._get_local_constants = Constants
# How long an example takes depends on what else the machine does, so no example has a deadline.
settings.register_profile("cofee", deadline=None, max_examples=50)
settings.load_profile("cofee")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs also what repeats the risk of another test."""
    parser.addoption(
        "--every-cell",
        action="store_true",
        help="run also what repeats a risk: every edit with every command, every generated test",
    )


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Start two processes more than there are cores: tests wait for servers."""
    return (yield) + 2


def pytest_report_header(config: pytest.Config) -> str:
    """Name the seed, with which a failure of a random test can be repeated."""
    return f"random tests: --hypothesis-seed={config.getoption('--hypothesis-seed')}"


# The files that take longest. One process runs a file, so that what its tests share is made once.
LONGEST = (
    *("services", "docs", "option_pairs", "production", "tasks", "security", "main_job", "coffee"),
    *("migrations", "live_migrations", "auth", "matrix", "owned_rows", "set", "rule_migrations"),
    *("projects", "user_fields", "kills", "old_services", "races", "hygiene", "files", "blueprint"),
    *("vectors", "owned_migrations", "cycles", "living_module", "faults", "fork", "update", "orm"),
    *("relations",),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that no process is left alone with one at the end."""
    turns = {f"test_{name}.py": turn for turn, name in enumerate(LONGEST)}
    items.sort(key=lambda item: turns.get(item.path.name, len(turns)))


def pytest_collection_finish() -> None:
    """Collect no garbage among what is imported, which lives until the end."""
    gc.freeze()


# A run writes 2 GB in 300,000 files; a disk that keeps them takes up to a quarter of its time.
MEMORY = Path("/dev/shm")  # noqa: S108  # names in it are drawn
ROOM = 8 * 2**30


def keep_files_in_memory(config: pytest.Config) -> None:
    """Let temporary files be in memory where there is room, and gone when the run has ended."""
    if config.getoption("basetemp") or not MEMORY.is_dir():
        return
    place = os.statvfs(MEMORY)
    if place.f_flag & os.ST_NOEXEC or place.f_bavail * place.f_frsize < ROOM:
        return
    tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="cofee-", dir=MEMORY)
    Path(tempfile.tempdir).chmod(0o755)  # root runs PostgreSQL as another user
    os.environ.setdefault("UV_LINK_MODE", "copy")  # its cache is on the disk
    config.add_cleanup(functools.partial(shutil.rmtree, tempfile.tempdir, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let uv keep its cache while cofee's own is put elsewhere, one for the processes of a run.

    It knows templates by their commits, so no test finds in it what another one's template holds.
    Files of templates are compiled once for all runs, because they are known by their content.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    keep_files_in_memory(config)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each command is compiled when it starts
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    os.environ.setdefault("UV_CACHE_DIR", str(cache / "uv"))
    ours = os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="cofee-tests-")
    config.add_cleanup(lambda: shutil.rmtree(ours, ignore_errors=True))
    compiled = ENVIRONMENTS / f"bytecode-{version('jinja2')}"
    compiled.mkdir(parents=True, exist_ok=True)
    (Path(ours) / "cofee").mkdir()
    (Path(ours) / "cofee/bytecode").symlink_to(compiled)


# Git starts no process in the background, and copies no examples of hooks.
GIT_CONFIG = """\
[user]
	name = Ann
	email = ann@example.com
[maintenance]
	auto = false
[init]
	templateDir =
"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for settings; to make one for each test takes longer with every test."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's Copier settings and git configuration out of the tests."""
    monkeypatch.setenv("COPIER_CACHE_DIR", str(home / "copier-cache"))
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(home / "settings.yml"))
    (home / "settings.yml").write_text("{}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    (home / "gitconfig").write_text(GIT_CONFIG)
    monkeypatch.delenv("COFEE_TEMPLATE", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(Environment, "compile", compile_once)
    # Copier asks git about each file whether the file system has modes, as it has here.
    monkeypatch.setattr(Worker, "_sync_git_index_executable_bit", lambda *_: None)


def _seen(reporter: pytest.TerminalReporter, kind: str) -> list[Any]:
    """Return what the tests of all processes have counted under a name."""
    reports = [report for end in ("passed", "failed") for report in reporter.getreports(end)]
    return [
        value
        for report in reports
        for name, value in getattr(report, "user_properties", [])
        if name == kind
    ]


LEAST_CLEAN = 0.95


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the share of hand edits that merged clean, and of writes at which a kill was tried."""
    if kills := _seen(terminalreporter, "kills"):
        points, tried, killed, states = map(sum, zip(*kills, strict=True))
        terminalreporter.section("kills")
        terminalreporter.line(f"at {tried} of {points} writes of commands ({tried / points:.0%})")
        terminalreporter.line(f"{killed} with those of recoveries, which left {states} states")
    seen = _seen(terminalreporter, "matrix")
    if not seen:
        return
    clean = sum(code == 0 for _, code, _ in seen)
    plain = sum(code == 0 and not helped for _, code, helped in seen)
    terminalreporter.section("hand edits that merged clean")
    terminalreporter.line(f"cofee {clean / len(seen):.1%}, git alone {plain / len(seen):.1%}")
    for name, code, _ in seen:
        if code:
            terminalreporter.line(f"  exit {code}: {name}")
    if clean < LEAST_CLEAN * len(seen):
        terminalreporter.line(f"fewer than {LEAST_CLEAN:.0%} merged clean: the run fails", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run where too few merged clean."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    seen = _seen(reporter, "matrix") if reporter else []
    if seen and sum(code == 0 for _, code, _ in seen) < LEAST_CLEAN * len(seen):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def cofee(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, as the entry point runs it."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["cofee", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code
        else:
            code = 0
        out, err = capfd.readouterr()
        return Ran(code if isinstance(code, int) else int(bool(code)), out, err)

    return run


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preforked]:
    """Runs programs of services in forks of one process."""
    template = snapshot_template(tmp_path_factory.mktemp("forks") / "template")
    with forking(environment(template)) as forks:
        yield forks


@pytest.fixture(scope="session")
def judge(forks: Preforked) -> Judge:
    """Runs the tests of services."""
    return Judge(forks)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """The tiny template, released as v1.0.0."""
    return tiny.make_template(tmp_path / "template")


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the first template and shop, of which the tests get copies."""
    return tmp_path_factory.mktemp("first")


@pytest.fixture
def shop(tmp_path: Path, template: Path, cofee: Run, first: Path) -> Path:
    """A committed project of the tiny template, with the module `customers`.

    It is made once. A copy has what the command leaves, in the project and in the cache.
    """
    original, root = first / "shop", tmp_path / "shop"
    if not original.exists():
        make_shop(original, tiny.make_template(first / "template"), cofee)
    shutil.copytree(original, root, symlinks=True)
    clone = shutil.copytree(Clone(str(first / "template")).path, Clone(str(template)).path)
    for folder, file in ((root, ".copier-answers.yml"), (clone, "config")):
        tiny.move(folder, file, first / "template", template)
    tiny.run_git(root, "commit", "--quiet", "--all", "--message", "first")
    return root


def make_shop(root: Path, template: Path, cofee: Run) -> None:
    """Make the project that is copied; its first commit is made with the place of the copy."""
    module = "customers name:str age:int:null"
    made = cofee("new", root, "--defaults", "--template", template, "--module", module)
    assert made.code == 0, made.err
    tiny.run_git(root, "init", "--quiet", "--initial-branch=main")
    tiny.run_git(root, "add", "--all")


def snapshot(root: Path) -> Tree:
    """Return every file of a project, git's own data apart; a link counts by its target.

    A project that was not made has none.
    """
    return dict(sorted(_contents(root, ""))) if root.is_dir() else {}


def _contents(folder: Path | str, place: str) -> Iterator[tuple[str, bytes]]:
    for entry in os.scandir(folder):
        name = place + entry.name
        if entry.is_symlink():
            yield name, str(Path(entry).readlink()).encode()
        elif entry.is_file():
            yield name, Path(entry).read_bytes()
        elif entry.is_dir() and entry.name != ".git" and name != ".cofee":
            yield from _contents(entry.path, f"{name}/")
