"""`cofee set` changes the options of a service, and every edit stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cofee.engine.render import Renderer
from cofee.project.project import find
from cofee.template.template import Template
from tests.conftest import Run, snapshot
from tests.generated import environment, run, snapshot_template
from tests.judging import Judge
from tests.test_update import edit
from tests.tiny import FILES, release, run_git, write

MORE = """\
auth:
  type: str
  default: none
  choices: [none, jwt]
isolation:
  type: str
  default: user
  choices: [user, project]
  when: "{{ auth != 'none' }}"
_cofee_follow_up:
  README.md: [look at the README]
_cofee_set_notes:
  ci: ["{% if ci == 'none' %}nothing tests it{% endif %}"]
_cofee_verify:
  - sh -c "echo x >> uv.lock; ! grep --quiet bad README.md"
"""


def answers(root: Path) -> dict[str, Any]:
    """Return what the project records."""
    found: dict[str, Any] = yaml.safe_load((root / ".copier-answers.yml").read_text())
    return found


@pytest.fixture
def rich(shop: Path, template: Path, cofee: Run) -> Path:
    """The shop, from a template with more options and with something to say about them."""
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + MORE})
    assert cofee("update", "--defaults", "-C", shop).code == 0
    return shop


def test_an_option_and_its_opposite_leave_nothing(shop: Path, cofee: Run) -> None:
    """The answers and the files change, and every byte comes back."""
    before = snapshot(shop)

    off = cofee("set", "ci=none", "project_name=market", "-C", shop)

    assert off.code == 0, off.err
    assert not (shop / "ci.yml").exists()
    assert (shop / "README.md").read_text() == "# market\n"
    assert {"ci": "none", "project_name": "market"}.items() <= answers(shop).items()
    assert cofee("set", "ci=github", "project_name=shop", "-C", shop).code == 0
    assert snapshot(shop) == before


def test_what_is_so_already_changes_nothing(shop: Path, cofee: Run) -> None:
    """A script may say twice what it wants."""
    before = snapshot(shop)

    ran = cofee("set", "ci=github", "-C", shop)

    assert ran.code == 0
    assert "nothing to do" in ran.err
    assert snapshot(shop) == before


@pytest.mark.parametrize(
    ("pairs", "code", "words"),
    [
        (["cii=none"], 1, "no option `cii`; the options are `project_name`, `ci`"),
        (["cii=none"], 1, "did you mean `ci`?"),
        (["ci=githb"], 1, "`ci` is `githb` and must be one of `github`, `none`"),
        (["ci=githb"], 1, "did you mean `github`?"),
        (["project_name="], 1, "`project_name`: say at least a letter"),
        (["ci=none", "ci=github"], 64, "`ci` is given twice"),
        (["ci"], 64, "`ci` must be `KEY=VALUE`"),
        (["modules=[]"], 1, "`cofee new-module`"),
        (["kind=module"], 1, "`kind` is not an option"),
        (["migrations=[]"], 1, "`migrations` is not an option"),
        (["_commit=v9"], 1, "no option `_commit`"),
        ([], 64, "KEY=VALUE"),
    ],
)
def test_bad_options_are_refused(
    pairs: list[str], code: int, words: str, shop: Path, cofee: Run
) -> None:
    """The sentence says what is allowed and what is nearest; nothing is written."""
    before = snapshot(shop)

    ran = cofee("set", *pairs, "-C", shop)

    assert ran.code == code
    assert words in ran.err
    assert snapshot(shop) == before


def test_a_version_is_not_meant_by_another_one(shop: Path, template: Path, cofee: Run) -> None:
    """However alike they look: what is allowed is listed, and nothing is guessed."""
    version = 'python: {type: str, default: "3.11", choices: ["3.11", "3.14"]}\n'
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + version})
    cofee("update", "--defaults", "-C", shop)

    ran = cofee("set", "python=3.1", "-C", shop)

    assert (ran.code, "must be one of `3.11`, `3.14`" in ran.err) == (1, True)
    assert "did you mean" not in ran.err


def test_an_option_that_others_make_meaningless_is_refused(rich: Path, cofee: Run) -> None:
    """A question that is not asked has no answer to change; once it is asked, it has."""
    alone = cofee("set", "isolation=project", "-C", rich)
    together = cofee("set", "auth=jwt", "isolation=project", "-C", rich)

    assert alone.code == 1
    assert "`isolation` has no effect with the current other options" in alone.err
    assert together.code == 0
    assert answers(rich)["isolation"] == "project"


def test_an_option_that_others_make_meaningless_goes_aloud(rich: Path, cofee: Run) -> None:
    """Said or not, it goes; what it is then anyway may be said."""
    before = snapshot(rich)
    options = ("auth=jwt", "isolation=project")

    for off in (("auth=none",), ("auth=none", "isolation=user")):
        assert cofee("set", *options, "-C", rich).code == 0
        ran = cofee("set", *off, "-C", rich)
        assert ran.code == 0, ran.err
        assert "the option `isolation` no longer has an effect" in ran.err
        assert snapshot(rich) == before
    assert "nothing to do" in cofee("set", "isolation=user", "-C", rich).err


def test_an_option_that_keeps_its_default_goes_in_silence(rich: Path, cofee: Run) -> None:
    assert cofee("set", "auth=jwt", "-C", rich).code == 0

    ran = cofee("set", "auth=none", "-C", rich)

    assert (ran.code, "no longer has an effect" in ran.err) == (0, False)
    assert "isolation" not in answers(rich)


def test_a_question_that_comes_up_takes_its_default_aloud(rich: Path, cofee: Run) -> None:
    """Nothing is answered in silence."""
    ran = cofee("set", "auth=jwt", "-C", rich)

    assert ran.code == 0
    assert "the option `isolation` is `user` now" in ran.err
    assert answers(rich)["isolation"] == "user"


def test_edits_stay_beside_the_change(shop: Path, cofee: Run) -> None:
    """The working tree need not be clean."""
    readme = shop / "README.md"
    readme.write_text(f"{readme.read_text()}\nMine.\n")

    assert cofee("set", "project_name=market", "-C", shop).code == 0

    assert readme.read_text() == "# market\n\nMine.\n"


def test_an_edited_file_that_would_go_is_asked_for(shop: Path, cofee: Run) -> None:
    """Without a terminal it is refused, unless `--yes`; undo brings it back as it was."""
    edit(shop / "ci.yml", "on:", "# mine\non:")
    before = snapshot(shop)

    refused = cofee("set", "ci=none", "-C", shop)
    unchanged = snapshot(shop)
    done = cofee("set", "ci=none", "--yes", "-C", shop)

    assert refused.code == 1
    assert "this would delete manual edits in `ci.yml`" in refused.err
    assert "# mine" in refused.err
    assert unchanged == before
    assert done.code == 0
    assert not (shop / "ci.yml").exists()
    assert cofee("undo", "-C", shop).code == 0
    assert snapshot(shop) == before


def test_a_file_that_was_moved_is_asked_for_too(shop: Path, cofee: Run) -> None:
    """Wherever it is now; nothing else is taken for it."""
    (shop / "ops").mkdir()
    (shop / "ci.yml").rename(shop / "ops/ci.yml")

    refused = cofee("set", "ci=none", "-C", shop)
    done = cofee("set", "ci=none", "--yes", "-C", shop)

    assert refused.code == 1
    assert "`ops/ci.yml`" in refused.err
    assert done.code == 0
    assert not (shop / "ops/ci.yml").exists()


def test_the_same_line_is_a_conflict_like_any_other(shop: Path, cofee: Run) -> None:
    """Agreeing to a loss of files decides no line: markers, exit code 2, and both ways out."""
    edit(shop / "README.md", "# shop", "# The shop")
    edit(shop / "ci.yml", "on:", "# mine\non:")
    before = snapshot(shop)

    ran = cofee("set", "project_name=market", "ci=none", "--yes", "-C", shop)

    assert ran.code == 2
    assert "<<<<<<< yours\n# The shop\n=======\n# market\n" in (shop / "README.md").read_text()
    assert not (shop / "ci.yml").exists()
    assert answers(shop)["project_name"] == "shop"
    assert cofee("update", "--abort", "--yes", "-C", shop).code == 0
    assert snapshot(shop) == before
    cofee("set", "project_name=market", "-C", shop)
    write(shop, {"README.md": "# The market\n"})
    assert cofee("update", "--continue", "-C", shop).code == 0
    assert answers(shop)["project_name"] == "market"


@pytest.mark.parametrize(
    ("option", "path", "text"),
    [
        ("database=sqlite", "app/report.py", "from app.db.postgresql import ERROR_POOL\n"),
        ("database=sqlite", "scripts/seed.py", "import dev.postgresql\n"),
        ("auth=none", "app/report.py", "from .infrastructure.auth import CurrentUserId\n"),
        ("auth=none", "app/modules/orders/mine.py", "from ...infrastructure import auth\n"),
        ("auth=none", "migrations/extra.py", "import app.infrastructure.auth as auth\n"),
    ],
)
def test_what_hangs_on_a_file_that_goes_is_refused(
    option: str, path: str, text: str, root: Path, cofee: Run
) -> None:
    """Hand-written code that imports what would be removed is listed."""
    write(root, {path: text})
    before = snapshot(root)

    ran = cofee("set", option, "--yes", "-C", root)

    assert ran.code == 1
    assert f"`{path}` would break" in ran.err
    assert snapshot(root) == before


def test_a_preview_writes_nothing(rich: Path, cofee: Run) -> None:
    """`--diff` is a patch, `--dry-run` a list, `--json` data with all that is said."""
    before = snapshot(rich)

    listed = cofee("set", "ci=none", "project_name=market", "--dry-run", "-C", rich)
    patch = cofee("set", "ci=none", "project_name=market", "--diff", "-C", rich)
    data = cofee("set", "ci=none", "project_name=market", "--dry-run", "--json", "-C", rich)

    assert snapshot(rich) == before
    assert "remove  ci.yml" in listed.err
    assert "nothing tests it" in listed.err
    assert "-# shop\n+# market\n" in patch.out
    document = json.loads(data.out)
    assert document["command"] == "cofee set ci=none project_name=market"
    assert document["warnings"] == ["nothing tests it"]
    assert document["next_steps"] == ["look at the README"]
    assert document["written"] is False


def test_what_is_left_to_do_is_said_of_every_command(
    rich: Path, template: Path, cofee: Run
) -> None:
    """A file that asks for something asks for it in a set, an undo and an update."""
    step = "next  look at the README"

    assert step in cofee("set", "project_name=market", "-C", rich).err
    assert step in cofee("undo", "-C", rich).err
    assert step not in cofee("set", "auth=jwt", "-C", rich).err
    release(template, "v1.2.0", {"template/README.md.jinja": "# {{ project_name }}!\n"})
    assert step in cofee("update", "-C", rich).err


def test_verify_takes_everything_back(rich: Path, cofee: Run) -> None:
    """The lock file too, which the checks bring in line with the dependencies."""
    write(rich, {"uv.lock": "as it was\n"})
    before = snapshot(rich)

    ran = cofee("set", "project_name=bad", "--verify", "-C", rich)

    assert ran.code == 1
    assert "passed before the change and failed after it" in ran.err
    assert snapshot(rich) == before


# The template of this repository


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that needs the service leaves it for the others, with its template."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def root(made: Path, tmp_path: Path, cofee: Run) -> Path:
    """A committed service with two modules that refer to one another."""
    if not (made / "shop").exists():
        ran = cofee(
            "new", made / "shop", "--template", snapshot_template(made / "template"),
            "--defaults", "--trust",
            "--module", "customers name:str:unique:filter since:datetime:sort",
            "--module", "orders customer:ref:customers total:decimal:10.2 tags:list:str "
            "note:json:null",
        )  # fmt: skip
        assert ran.code == 0, ran.err
    return Path(shutil.copytree(made / "shop", tmp_path / "shop"))


OPTIONS = {
    "database": ["postgresql", "sqlite"],
    "orm": ["sqlalchemy", "sqlmodel"],
    "auth": ["jwt", "none", "oauth"],
    "isolation": ["none", "project"],
    "tasks": ["none", "dramatiq"],
    "webhooks": ["false", "true"],
    "ci": ["github", "gitlab", "none"],
    "events": ["none", "redis"],
    "cache": ["none", "redis"],
    "files": ["none", "s3"],
    "telemetry": ["none", "opentelemetry"],
    "deploy": ["compose", "kubernetes"],
    "mcp": ["false", "true"],
    "vectors": ["none", "pgvector", "qdrant"],
    "assistant": ["none", "openai"],
    "json_names": ["snake", "camel"],
    "python_version": ["3.11", "3.14"],
    "project_name": ["shop", "corner-shop"],
    "description": ["A FastAPI service", 'Sells "tea" & more: 日本'],
}


def rendered(root: Path) -> dict[str, bytes]:
    """Return what the template gives for the recorded answers, migrations apart."""
    project = find(root)
    renderer = Renderer(project.template)
    settled = renderer.settle({}, project.answers, root.name)
    return {path: file.content for path, file in renderer.render(settled, "update").items()}


def test_every_option_is_tried() -> None:
    """A new question is tried here too."""
    questions = Template("", "", Path(__file__).parents[1]).questions
    asked = {name for name, question in questions.items() if question.ask and question.when}
    assert asked == OPTIONS.keys()


def test_any_walk_through_the_options_ends_where_the_answers_are(
    root: Path, cofee: Run, request: pytest.FixtureRequest
) -> None:
    """However a service came to its options, it is what a new one of these is; and the way back
    leads to the first byte."""
    before, first = snapshot(root), {k: answers(root).get(k, v[0]) for k, v in OPTIONS.items()}
    values = st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in OPTIONS.items()})

    @given(walk=st.lists(values.filter(bool), min_size=1, max_size=3))
    @settings(
        max_examples=12 if request.config.getoption("every_cell") else 2,
        phases=[Phase.generate],  # each step renders and merges: shrinking takes minutes
        suppress_health_check=list(HealthCheck),
    )
    def check(walk: list[dict[str, str]]) -> None:
        for step in [*walk, first]:
            if step.get("auth", answers(root)["auth"]) == "none":
                # These need users.
                step = {**step, "isolation": "none", "events": "none", "assistant": "none"}
            if step.get("mcp", str(answers(root)["mcp"]).lower()) == "false":
                step = {**step, "assistant": "none"}
            if step.get("tasks", answers(root)["tasks"]) == "none":
                step = {**step, "webhooks": "false", "vectors": "none"}
            if step.get("database", answers(root)["database"]) == "sqlite":
                step = {**step, "deploy": "compose", "vectors": "none"}
            ran = cofee("set", *(f"{key}={value}" for key, value in step.items()), "-C", root)
            assert ran.code == 0, ran.err
            standing = snapshot(root)
            expected = rendered(root)
            assert {path: standing.get(path) for path in expected} == expected
        assert without_migrations(standing) == without_migrations(before)

    check()


def without_migrations(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out the history of the database, which only grows."""
    return {path: content for path, content in tree.items() if "/versions/" not in path}


def test_edits_of_one_database_never_end_in_the_other(root: Path, cofee: Run) -> None:
    """Files of two options are alike, and yet none is the other under a new name."""
    before = snapshot(root)
    sqlite = {path for path in edited(root, cofee, "sqlite") if "sqlite" in path}

    assert sqlite == {"app/db/sqlite.py", "dev/sqlite.py", "tests/databases/sqlite.py",
                      "tests/db/test_sqlite.py"}  # fmt: skip
    assert all("# mine" not in (root / path).read_text() for path in sqlite)
    assert cofee("set", "database=postgresql", "-C", root).code == 0
    assert snapshot(root) == before


def edited(root: Path, cofee: Run, database: str) -> set[str]:
    """Edit every file of PostgreSQL, leave it, and return what was written."""
    for path in root.rglob("*postgresql.py"):
        path.write_text(f"{path.read_text()}\n# mine\n")
    ran = cofee("set", f"database={database}", "--yes", "--json", "-C", root)
    assert ran.code == 0, ran.err
    return {row["path"] for row in json.loads(ran.out)["files"]}


@pytest.mark.service
def test_a_switched_service_is_green(root: Path, made: Path, cofee: Run, judge: Judge) -> None:
    """Its migrations, written for the other database, run on this one; what is left is said."""
    programs = environment(made / "template")
    cofee("add-field", "customers", "rating:int:null:filter", "-C", root)
    run_git(root, "add", "--all")

    ran = cofee("set", "database=sqlite", "ci=gitlab", "-C", root)

    assert ran.code == 0, ran.err
    assert "rows are not copied: the SQLite database is empty" in ran.err
    assert "next  uv sync" in ran.err
    assert "no command changes `.env`" in ran.err
    # Migrations apart it is what a new one is, whose tests and types are looked at elsewhere.
    tests = ("tests/modules/customers", "tests/db/test_migrations.py")
    assert judge.complaint(root, *tests, variables={}) == ""
    run(root, programs, "ruff", "check")
    run(root, programs, "ruff", "format", "--check")
    assert cofee("set", "database=postgresql", "-C", root).code == 0
    assert judge.complaint(root, *tests, variables={}) == ""
