"""Tasks: every accepted job ends exactly once, even after kills; and the commands of tasks."""

from __future__ import annotations

import copy
import random
import signal
import time
from pathlib import Path

import pytest

from tests.chaos import MODULES, Chaos, chaos
from tests.conftest import Run, snapshot
from tests.generated import (
    check_types,
    environment,
    make_service,
    rendered_here,
    run,
)
from tests.judging import Judge
from tests.preforked import Preforked
from tests.released import template
from tests.strategies import Record

__all__ = ["template"]  # pytest finds the fixture by its name

KILLS = 200  # with `--every-cell`
SEED = 10


def task(name: str, *fields: Record, **more: object) -> Record:
    """Give the record of a task."""
    return {"name": name, "fields": [*fields], **more}


LANGUAGE = {"name": "language", "type": "str", "max_length": 5}
SPEED = {"name": "speed", "type": "enum", "values": ["fast", "slow"]}
TIMES = {"name": "times", "type": "int", "min": 1, "max": 9, "default": 5}
NOTE = {"name": "note", "type": "text", "nullable": True}
# One module of each owner and access, with tasks.
OF_OWNERS: list[Record] = [
    {
        "name": "media",
        "entity": "Media",
        "fields": [{"name": "title", "type": "str"}],
        "tasks": [
            task("transcribe", LANGUAGE, SPEED, TIMES, NOTE),
            task("sweep", every="1d"),
            task("clean", every="30 3 30 2 *"),  # never due
        ],
        "own_tools": [task("find_long", TIMES, NOTE)],
    },
    {
        "name": "captions",
        "entity": "Caption",
        "fields": [{"name": "title", "type": "str"}],
        "owned_by": "user",
        "versioned": True,
        "tasks": [task("render_preview", was=["render"])],
        "own_tools": [task("find_untidy", LANGUAGE, SPEED)],
    },
    {
        "name": "boards",
        "entity": "Board",
        "fields": [{"name": "title", "type": "str"}],
        "owned_by": "project",
        "tasks": [task("tidy", NOTE)],
        "own_tools": [task("count_all")],
    },
    {
        "name": "posts",
        "entity": "Post",
        "fields": [{"name": "title", "type": "str"}],
        "access": "user-write",
        "tasks": [task("translate", LANGUAGE)],
        "own_tools": [task("find_posts", LANGUAGE)],
    },
]


@pytest.fixture(scope="module")
def service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with tasks and users, which no job of the killed processes needs."""
    answers = {"tasks": "dramatiq", "isolation": "project", "mcp": True}
    modules = {"modules": [*MODULES, *OF_OWNERS]}
    folder = tmp_path_factory.mktemp("service") / "service"
    return make_service(template, folder, {**answers, **modules})


@pytest.mark.service
def test_jobs_end_exactly_once(
    service: Path,
    template: Path,
    forks: Preforked,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """The API dies between the commit and the message, a worker in a task, the broker with all
    messages; and a worker that is asked to stop gives back what it does not finish."""
    with chaos(service, environment(template), tmp_path, **forks.first("alembic")) as running:
        assert not running.start_job("kill the API")
        running.processes["api"].restart()
        running.wait_for_api()
        for does in ("work", "kill the worker", "fail", "work"):
            assert running.start_job(does)
        running.processes["broker"].restart()
        dead, alive = wait_for_the_dead(running)
        assert running.processes[dead].restart() == -signal.SIGKILL
        assert running.processes[alive].restart(signal.SIGTERM) == 0

        assert running.outcome() == ({"succeeded": 4, "failed": 1}, set())
        assert running.ask()["scheduled"] == ["succeeded"], "once for all workers"
        if request.config.getoption("every_cell"):
            kills = running.kill_at_random(KILLS, random.Random(SEED), pause=0.6)
            ended, wrong = running.outcome()
            print(dict(kills), dict(ended))  # shown with `-s`
            assert wrong == set()
            assert ended.keys() == {"succeeded", "failed"}
            assert ended.total() > KILLS


@pytest.mark.service
def test_tasks_of_every_owner_are_green(service: Path, template: Path, judge: Judge) -> None:
    """Only who can write a row starts a task for it, and only they see the job.

    Their tools are called as well.
    """
    programs = environment(template)
    folders = [f"tests/modules/{module['name']}" for module in OF_OWNERS]

    run(service, programs, "ruff", "check", "app", "tests")
    run(service, programs, "ruff", "format", "--check", "app", "tests")
    check_types(service, programs, "mypy")
    chosen = ("-k", "task or own or routes or role or token")
    assert judge.complaint(service, *folders, *chosen, variables={}) == ""


def wait_for_the_dead(running: Chaos) -> list[str]:
    """Wait until a worker has died; return its name and that of the other one."""
    workers = ["worker 1", "worker 2"]
    while not any(running.processes[name].running.poll() for name in workers):
        time.sleep(0.1)
    return sorted(workers, key=lambda name: running.processes[name].running.returncode is None)


def test_module_called_as_the_part_has_its_own_migration() -> None:
    """Both tables are created in a new service."""
    module = {"name": "tasks", "entity": "Duty", "fields": [{"name": "title", "type": "str"}]}
    answers = {"tasks": "dramatiq", "modules": [module]}
    names = [path.partition("_")[2] for path in rendered_here(answers) if "/versions/" in path]

    assert {"create_tasks.py", "create_tasks_part.py"} <= {*names}


# The commands


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> Path:
    """A service with two modules and without tasks."""
    modules = copy.deepcopy(OF_OWNERS[:2])
    for module in modules:
        del module["tasks"], module["own_tools"]
    answers = {"tasks": "dramatiq", "mcp": True, "modules": modules}
    return make_service(template, tmp_path / "shop", answers)


def text(shop: Path, path: str) -> str:
    """Return a file of the module `media`, or of one at another path."""
    return (shop / path).read_text()


def test_task_comes_and_goes_byte_for_byte(shop: Path, cofee: Run) -> None:
    before = snapshot(shop)

    specifications = ("language:str:len=5", "times:int:min=1:default=2")
    ran = cofee("new-task", "transcribe", *specifications, "--module", "media", "-C", shop)

    assert ran.code == 0, ran.err
    assert "async def start_transcribe(" in text(shop, "app/modules/media/router.py")
    assert "class MediaTranscribe(Schema)" in text(shop, "app/modules/media/schemas.py")
    assert "TaskContract" in text(shop, "tests/modules/media/test_api.py")
    assert cofee("undo", "-C", shop).code == 0
    assert snapshot(shop) == before
    assert cofee("new-task", "sweep", "--module", "media", "--every", "15m", "-C", shop).code == 0
    assert 'every="15m"' in text(shop, "app/modules/media/service.py")
    assert cofee("remove-task", "sweep", "--yes", "-C", shop).code == 0
    assert snapshot(shop) == before
    cron = ("sweep", "--module", "media", "--every", "*/5 3 1,15 * 1-5")
    assert cofee("new-task", *cron, "-C", shop).code == 0
    assert 'every="*/5 3 1,15 * 1-5"' in text(shop, "app/modules/media/service.py")


def test_task_follows_what_happens_to_its_names(shop: Path, cofee: Run) -> None:
    """A hand-written body stays, and so do uses of the task elsewhere."""
    assert cofee("new-task", "transcribe", "--module", "media", "-C", shop).code == 0
    service = shop / "app/modules/media/service.py"
    service.write_text(service.read_text().replace("run.report(50)", "run.report(42)"))
    caller = shop / "app/call.py"
    caller.write_text("from app.modules.media.service import transcribe\n\nprint(transcribe)\n")

    ran = cofee("rename-task", "transcribe", "write_down", "-C", shop)

    assert ran.code == 0, ran.err
    assert "jobs of `transcribe` that have not ended are run" in ran.err
    assert "await service.write_down(run" in service.read_text()
    assert 'was=["transcribe"],' in service.read_text()
    taken = cofee("new-task", "transcribe", "--module", "captions", "-C", shop)
    assert "the task `transcribe` is in `media` already, or was" in taken.err
    assert "run.report(42)" in service.read_text()
    assert caller.read_text() == (
        "from app.modules.media.service import write_down\n\nprint(write_down)\n"
    )

    ran = cofee("rename-module", "media", "recordings", "--yes", "-C", shop)

    assert ran.code == 0, ran.err
    renamed = text(shop, "app/modules/recordings/service.py")
    assert 'run.id("row_id"), run.read(RecordingWriteDown)' in renamed
    assert "run.report(42)" in renamed
    assert "from app.modules.recordings.service import write_down" in caller.read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("transcribe", "--module", "nothing"), "there is no module `nothing`"),
        (("Transcribe", "--module", "media"), "`Transcribe` is not a task name"),
        (("start_it", "--module", "media"), "it is a name that generated code uses"),
        (("title", "--module", "media"), "where it is a name already"),
        (("sweep", "--module", "media", "--every", "often"), "`often` is not a schedule"),
        (("sweep", "--module", "media", "--every", "0 24 * * *"), "is not a schedule"),
        (("sweep", "size:int", "--module", "media", "--every", "1d"), "has no arguments"),
        (("sweep", "size:int:filter", "--module", "media"), "`filter` says how a column"),
        (("sweep", "owner:ref:media", "--module", "media"), "no module `media`"),
        (("sweep", "media_id:uuid", "--module", "media"), "`media_id` is what the task gets"),
        (("sweep", "row_id:uuid", "--module", "media"), "`row_id` is what the task gets"),
    ],
)
def test_impossible_task_is_refused(
    shop: Path, cofee: Run, given: tuple[str, ...], message: str
) -> None:
    before = snapshot(shop)

    ran = cofee("new-task", *given, "-C", shop)

    assert ran.code == 1
    assert message in ran.err, ran.err
    assert snapshot(shop) == before


def test_names_of_tasks_are_unique_and_known(shop: Path, cofee: Run) -> None:
    assert cofee("new-task", "sweep", "--module", "media", "-C", shop).code == 0
    before = snapshot(shop)

    taken = cofee("new-task", "sweep", "--module", "captions", "-C", shop)
    unknown = cofee("remove-task", "swept", "-C", shop)
    needed = cofee("set", "tasks=none", "-C", shop)

    assert "the task `sweep` is in `media` already" in taken.err
    assert "there is no task `swept`" in unknown.err
    assert "the rule `tasks` needs the option `tasks`" in needed.err
    assert snapshot(shop) == before


def test_tool_comes_and_goes_byte_for_byte(shop: Path, cofee: Run) -> None:
    before = snapshot(shop)

    added = ("find_overdue", "days:int:min=1", "--module", "captions", "-C", shop)
    ran = cofee("new-tool", *added)

    assert ran.code == 0, ran.err
    assert 'openapi_extra=tool("find_overdue")' in text(shop, "app/modules/captions/router.py")
    assert "class CaptionFindOverdue(Schema)" in text(shop, "app/modules/captions/schemas.py")
    assert "OwnToolContract" in text(shop, "tests/modules/captions/test_api.py")
    assert "tool find_overdue" in cofee("status", "captions", "-C", shop).out
    assert cofee("undo", "-C", shop).code == 0
    assert snapshot(shop) == before
    assert cofee("new-tool", *added).code == 0
    service = shop / "app/modules/captions/service.py"
    service.write_text(service.read_text().replace('text="Done."', 'text="None."'))
    assert cofee("rename-tool", "find_overdue", "find_late", "-C", shop).code == 0
    assert 'ToolResult(text="None.")' in service.read_text()
    assert "data: CaptionFindLate" in service.read_text()
    assert cofee("rename-module", "captions", "subtitles", "--yes", "-C", shop).code == 0
    assert "data: SubtitleFindLate" in text(shop, "app/modules/subtitles/service.py")
    assert cofee("remove-tool", "find_late", "--yes", "-C", shop).code == 0
    assert "find_late" not in text(shop, "app/modules/subtitles/router.py")


def test_impossible_tool_is_refused(shop: Path, cofee: Run) -> None:
    before = snapshot(shop)

    for name, message in {
        "bulk": "`bulk` cannot name a tool: it is another route",
        "replace_caption": "it is the beginning of the tools of routes",
        "Find": "`Find` is not a tool name",
    }.items():
        assert message in cofee("new-tool", name, "--module", "captions", "-C", shop).err
    assert "there is no tool `swept`" in cofee("remove-tool", "swept", "-C", shop).err
    assert snapshot(shop) == before
    assert cofee("new-tool", "sweep", "--module", "captions", "-C", shop).code == 0
    taken = cofee("new-task", "sweep", "--module", "media", "-C", shop)
    assert "the task `sweep` is in `media` already" in taken.err
    needed = cofee("set", "mcp=false", "-C", shop)
    assert "module `captions` has `own_tools`, which `mcp: false` does not have" in needed.err
