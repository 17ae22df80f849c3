"""`cofee new`: a service that Copier would have made alike."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from copier import run_copy

from cofee.engine.render import Renderer
from cofee.template.template import Template
from tests.conftest import Run, snapshot
from tests.generated import REPOSITORY
from tests.tiny import FILES, make_template, release, run_git

TASK = FILES["copier.yml"] + '_tasks:\n  - command: [touch, "made-by-task"]\n'


def test_gives_what_copier_gives(template: Path, tmp_path: Path, cofee: Run) -> None:
    """The two ways to a new service end in the same tree."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    os.chdir(tmp_path / "one")

    ran = cofee("new", "shop", "--defaults", "--template", template)
    run_copy(str(template), tmp_path / "two/shop", defaults=True, quiet=True)

    assert ran.code == 0
    assert snapshot(tmp_path / "one/shop") == snapshot(tmp_path / "two/shop")
    assert os.access(tmp_path / "one/shop/run.sh", os.X_OK)


def test_answers_by_option_and_by_file(template: Path, tmp_path: Path, cofee: Run) -> None:
    """`--data` counts more than `--data-file`, and modules of both are made."""
    file = tmp_path / "data.yml"
    modules = "modules: [{name: customers, entity: Customer, fields: []}]"
    file.write_text(f"project_name: filed\nci: none\n{modules}\n")

    ran = cofee(
        "new", tmp_path / "shop", "--defaults", "--template", template, "--data-file", file,
        "--data", "project_name=given", "--module", "orders customer:ref:customers",
    )  # fmt: skip

    assert ran.code == 0, ran.err
    assert (tmp_path / "shop/README.md").read_text() == "# given\n"
    assert not (tmp_path / "shop/ci.yml").exists()
    assert (tmp_path / "shop/app/modules/orders/models.py").exists()
    assert (tmp_path / "shop/app/modules/customers/models.py").exists()


def test_takes_the_newest_version_or_a_named_one(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """The highest tag by PEP 440 that is not a pre-release, unless `--ref` names another."""
    for tag in ("v1.10.0", "v1.9.0", "v2.0.0rc1"):
        release(template, tag, {"template/version.txt": tag})

    cofee("new", tmp_path / "newest", "--defaults", "--template", template)
    cofee("new", tmp_path / "named", "--defaults", "--template", template, "--ref", "v2.0.0rc1")

    assert (tmp_path / "newest/version.txt").read_text() == "v1.10.0"
    assert (tmp_path / "named/version.txt").read_text() == "v2.0.0rc1"


def test_relative_template_is_recorded_as_an_absolute_path(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update from any folder finds the template again."""
    monkeypatch.chdir(tmp_path)

    cofee("new", "shop", "--defaults", "--template", "./template")

    answers = yaml.safe_load((tmp_path / "shop/.copier-answers.yml").read_text())
    assert answers["_src_path"] == str(template)


def test_template_by_environment(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`COFEE_TEMPLATE` replaces `--template`."""
    monkeypatch.setenv("COFEE_TEMPLATE", str(template))

    assert cofee("new", tmp_path / "shop", "--defaults").code == 0


def test_untrusted_template_runs_no_code(template: Path, tmp_path: Path, cofee: Run) -> None:
    """Tasks run only for a template that the user trusts."""
    release(template, "v1.1.0", {"copier.yml": TASK})

    refused = cofee("new", tmp_path / "shop", "--defaults", "--template", template)
    trusted = cofee("new", tmp_path / "shop", "--defaults", "--template", template, "--trust")

    assert refused.code == 1
    assert "`--trust`" in refused.err
    assert trusted.code == 0
    assert (tmp_path / "shop/made-by-task").exists()


def test_template_trusted_in_copiers_settings(template: Path, tmp_path: Path, cofee: Run) -> None:
    """Who trusts a template for Copier trusts it for cofee."""
    release(template, "v1.1.0", {"copier.yml": TASK})
    settings = Path(os.environ["COPIER_SETTINGS_PATH"])
    settings.write_text(f"trust: [{tmp_path}/]\ndefaults: {{ci: none}}\n")

    ran = cofee("new", tmp_path / "shop", "--defaults", "--template", template, "--defaults")

    assert ran.code == 0
    assert (tmp_path / "shop/made-by-task").exists()
    assert not (tmp_path / "shop/ci.yml").exists()


def test_failing_task_leaves_nothing(template: Path, tmp_path: Path, cofee: Run) -> None:
    """A service whose task failed is not half there."""
    task = TASK.replace('[touch, "made-by-task"]', '["false"]')
    release(template, "v1.1.0", {"copier.yml": task})

    ran = cofee("new", tmp_path / "shop", "--defaults", "--template", template, "--trust")

    assert ran.code == 1
    assert "`false` failed with code 1" in ran.err
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("option", ["--dry-run", "--diff"])
def test_preview_writes_nothing(option: str, template: Path, tmp_path: Path, cofee: Run) -> None:
    """The folder does not appear."""
    ran = cofee("new", tmp_path / "shop", "--defaults", "--template", template, option)

    assert ran.code == 0
    assert "app/main.py" in ran.out + ran.err
    assert not (tmp_path / "shop").exists()


def test_json(template: Path, tmp_path: Path, cofee: Run) -> None:
    """The document lists every file."""
    ran = cofee("new", tmp_path / "shop", "--defaults", "--template", template, "--json")

    document = json.loads(ran.out)
    assert document["commit"] == "v1.0.0"
    assert {"path": "app/main.py", "action": "create"} in document["files"]


def refused(cofee: Run, root: Path, *arguments: object) -> str:
    """Return what a refused `new` says, having left nothing."""
    before = snapshot(root)
    ran = cofee("new", "--defaults", *arguments)
    assert ran.code in {1, 64}
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err
    assert snapshot(root) == before
    return ran.err


def test_template_that_no_update_could_use_is_refused(tmp_path: Path, cofee: Run) -> None:
    """A folder without history, an unknown address, a missing commit."""
    (tmp_path / "plain").mkdir()
    real = make_template(tmp_path / "real")
    shop = tmp_path / "shop"

    assert "is not a git repository" in refused(
        cofee, tmp_path, shop, "--template", tmp_path / "plain"
    )
    assert "no template found" in refused(cofee, tmp_path, shop, "--template", "nowhere")
    assert "cannot be reached" in refused(
        cofee, tmp_path, shop, "--template", f"file://{tmp_path}/gone.git"
    )
    assert "has no commit `v9`" in refused(cofee, tmp_path, shop, "--template", real, "--ref", "v9")


def test_uncommitted_changes_of_a_template_are_refused(tmp_path: Path, cofee: Run) -> None:
    """What is in no commit could not be found again."""
    template = make_template(tmp_path / "template")
    (template / "template/app/main.py").write_text("changed\n")

    said = refused(cofee, tmp_path, tmp_path / "shop", "--template", template, "--ref", "HEAD")

    assert "uncommitted changes" in said


def test_taken_destination_is_refused(template: Path, tmp_path: Path, cofee: Run) -> None:
    """Nothing is written into an existing folder or file."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine\n")
    (tmp_path / "file").write_text("mine\n")

    assert "is not empty" in refused(cofee, tmp_path, tmp_path / "full", "--template", template)
    assert "is not a directory" in refused(
        cofee, tmp_path, tmp_path / "file", "--template", template
    )
    (tmp_path / "link").symlink_to("full")
    linked = refused(cofee, tmp_path, tmp_path / "link", "--template", template)
    assert "is a symbolic link" in linked


def test_empty_folder_is_taken(template: Path, tmp_path: Path, cofee: Run) -> None:
    """An existing empty folder is accepted."""
    (tmp_path / "shop").mkdir()

    assert cofee("new", tmp_path / "shop", "--defaults", "--template", template).code == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("ci=jenkins", "must be one of `github`, `none`"),
        ("colour=red", "has no question `colour`"),
        ("colour=red", "it asks `project_name`, `ci`, and takes `modules`"),
        ("module=[]", "did you mean `modules`?"),
        ("_commit=v9", "has no question `_commit`"),
        ("kind=module", "`kind` is not an option of the service"),
        ("migrations=[1]", "`migrations` is not an option of the service"),
        ("project_name=", "say at least a letter"),
        ("nonsense", "must be `KEY=VALUE`"),
    ],
)
def test_bad_answers_are_refused(
    data: str, words: str, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """Choices, names and validators say what is allowed, also without a terminal."""
    said = refused(cofee, tmp_path, tmp_path / "shop", "--template", template, "--data", data)

    assert words in said


@pytest.mark.parametrize("line", ["_commit: 1", "kind: project", "migrations: [1]", "5: a"])
def test_answers_that_a_file_cannot_give_are_refused(
    line: str, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """By the same sentence as those of an option."""
    file = tmp_path / "data.yml"
    file.write_text(f"ci: none\n{line}\n")

    said = refused(cofee, tmp_path, tmp_path / "shop", "--template", template, "--data-file", file)

    assert f"`{line.partition(':')[0]}`" in said


def test_without_a_terminal_nothing_is_asked(template: Path, tmp_path: Path, cofee: Run) -> None:
    """What is missing is an error that names the questions and the options."""
    ran = cofee("new", tmp_path / "shop", "--template", template, "--data", "ci=none")

    assert ran.code == 64
    assert "there is no terminal to ask for `project_name`" in ran.err
    assert "`--defaults`" in ran.err
    assert not (tmp_path / "shop").exists()


def test_template_without_the_contract_is_refused(tmp_path: Path, cofee: Run) -> None:
    """Some other Copier template, or one from the future, is named as such."""
    other = make_template(tmp_path / "other")
    text = FILES["copier.yml"].replace("_cofee_contract: 1\n", "")
    release(other, "v1.1.0", {"copier.yml": text})
    future = make_template(tmp_path / "future")
    text = FILES["copier.yml"].replace("_cofee_contract: 1\n", "_cofee_contract: 99\n")
    release(future, "v1.1.0", {"copier.yml": text})

    assert "is not a cofee template" in refused(
        cofee, tmp_path, tmp_path / "shop", "--template", other
    )
    assert "contract 99" in refused(cofee, tmp_path, tmp_path / "shop", "--template", future)


def test_template_of_the_installation(tmp_path: Path, cofee: Run) -> None:
    """Without an option the template is the repository that this cofee was installed from."""
    ran = cofee("new", tmp_path / "shop", "--dry-run", "--defaults", "--json")

    document = json.loads(ran.out)
    repository = Path(__file__).parents[1]
    dirty = run_git(repository, "status", "--porcelain", "--untracked-files=no")
    if dirty and not run_git(repository, "tag"):
        assert "uncommitted changes" in document["error"]
    else:
        assert "app/main.py" in {row["path"] for row in document["files"]}


def test_directory_of_the_next_commands_is_quoted_for_the_shell() -> None:
    template = Template("template", "HEAD", REPOSITORY)
    message = template.setting("message_after_copy", "")
    service = {"kind": "project", "project_name": "shop"}
    told = {
        path: Renderer(template).text(message, {**service, "_copier_conf": {"dst_path": path}})
        for path in ("/srv/shop", "/srv/my shop")
    }

    assert "  cd /srv/shop\n" in told["/srv/shop"]
    assert "  cd '/srv/my shop'\n" in told["/srv/my shop"]
