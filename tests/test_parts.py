"""A part of a service is separate files, and a line each in at most five others.

The part of these tests, a clock, is added to a copy of the template as `docs/architecture.md` says.
It brings everything that a part can bring.
"""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml

from cofee.engine.render import Renderer
from cofee.template import template as templates
from tests.generated import REPOSITORY, read, snapshot_template
from tests.test_fork import release, replace

CLOCK = """\
- name: clock
  when: [{clock: wall}]
  settings: ClockSettings
  running: true
  check: true
  server: sundial
  setting: CLOCK_URL
  processes: {ticker: python -m app.ticker}
  files:
    - /app/infrastructure/clock*.py
    - /dev/sundial.py
    - /dev/servers.py
    - /dev/launch.py
    - /tests/servers.py
  modules: [{name: ticks, key: ticks., collections: []}]
  tables:
    - {name: ticks, fields: [{name: at, type: datetime}]}
  plugins: [tests.servers]
  dependencies: {tick: {version: ">=1,<2"}}
  dev_dependencies: {sundial: {version: ">=3,<4", note: a server}}
  env: |
    # Where the clock is.
    # CLOCK_URL=http://localhost:1
  readme: |
    ## Clock

    It ticks.
  agents: |
    ## Clock

    - Do not stop it.
  pyproject: |
    [tool.poe.tasks.ticker]
    help = "Tick"
    cmd = "python -m dev python -m app.ticker"
  compose_services: |
    clock:
      image: clock:1
  compose_volumes: |
    clock:
"""
QUESTION = """\
clock:
  type: str
  help: Does the service have a clock?
  default: none
  choices: {"No": none, "Yes": wall}

# Recorded, never asked.
"""
OWN_FILES = {
    "app/infrastructure/clock.py": "",
    "app/infrastructure/clock_settings.py": "",
    "dev/sundial.py": "",
}
# What each file that parts share says of the clock.
EXPECTED = {
    "app/infrastructure/settings.py": "Settings(AuthSettings, ClockSettings, DatabaseSettings):\n",
    "app/main.py": "        async with clock.running():\n            yield\n",
    "app/infrastructure/health.py": "    await clock.check()\n",
    "app/api/v1/router.py": "router.include_router(ticks_router)\n",
    "app/modules/__init__.py": "import app.modules.ticks.models\n",
    "dev/servers.py": '    "CLOCK_URL": sundial.serve,\n',
    "dev/__main__.py": "stack.enter_context(servers.started(DATA, configured))\n",
    "tests/conftest.py": 'pytest_plugins = ["tests.fixtures", "tests.servers"]\n',
    "pyproject.toml": '  "tick>=1,<2",\n]',
    ".env.example": "# CLOCK_URL=http://localhost:1\n\n",
    "README.md": "## Clock\n\nIt ticks.\n\n## Test\n",
    "AGENTS.md": "## Clock\n\n- Do not stop it.\n\n## Errors\n",
    "compose.yaml": "  clock:\n    image: clock:1\n\n  migrations:\n",
}


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    """The template with the clock."""
    folder = snapshot_template(tmp_path_factory.mktemp("clock") / "template", tag="v0.1.0")
    (folder / "macros/parts/clock.yml").write_text(CLOCK)
    for path, content in OWN_FILES.items():
        (folder / "template" / path).write_text(content)
    replace(folder / "macros/parts.jinja", '"redis", ', '"redis", "clock", ')
    replace(folder / "copier.yml", '"ci": ci, ', '"ci": ci, "clock": clock, ')
    replace(folder / "copier.yml", "# Recorded, never asked.", QUESTION.strip())
    release(folder, "v1.0.0")
    return Renderer(templates.latest(str(folder)))


def render(renderer: Renderer, **answers: str) -> dict[str, str]:
    """Return the text of each file of a service."""
    files = renderer.render(renderer.settle(answers, {}, "shop"), "copy")
    return {path: file.content.decode() for path, file in files.items()}


def test_part_is_in_every_file_that_parts_share(renderer: Renderer) -> None:
    files = render(renderer, clock="wall")

    for path, text in EXPECTED.items():
        assert text in files[path], path
    assert files.keys() >= OWN_FILES.keys()
    assert any(path.endswith("_create_clock.py") for path in files)
    for path in EXPECTED:
        if path.endswith(".py"):
            ast.parse(files[path])
    composed = yaml.safe_load(files["compose.yaml"])
    assert list(composed["services"]) == ["database", "clock", "migrations", "service"]


def test_part_that_is_off_leaves_nothing(
    renderer: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Only the answers differ from those of a template without the part."""
    plain = snapshot_template(tmp_path_factory.mktemp("plain") / "template", tag="v0.1.0")
    files, others = render(renderer), render(Renderer(templates.latest(str(plain))))

    assert "clock: none" in files.pop(".copier-answers.yml")
    del others[".copier-answers.yml"]
    assert files == others


def parts() -> list[dict[str, Any]]:
    """Return what is stated about each part."""
    paths = (REPOSITORY / "macros/parts").glob("*.yml")
    return [entry for path in paths for entry in read(f"macros/parts/{path.name}")]


def test_files_of_parts_are_in_the_template() -> None:
    """A pattern that matches nothing would hide a file that was renamed."""
    for entry in parts():
        for pattern in entry.get("files", []):
            path = REPOSITORY / "template" / pattern[1:]
            found = [*path.parent.glob(f"{path.name}*"), *path.parent.glob(f"*}}{path.name}{{*")]
            assert found, f"{entry['name']}: {pattern}"


def test_process_that_distributes_tests_loads_no_part() -> None:
    """It would import the application for nothing, before the others start."""
    plugins = {name for entry in parts() for name in entry.get("plugins", [])}
    blocked = (REPOSITORY / "template/tests/parallel.py").read_text()

    assert {name for name in plugins if f'"{name}"' not in blocked} == set()
