"""`cofee update`: the template moves on, and every edit stays."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from cofee.console import wizard
from cofee.console.mode import Options
from tests.conftest import Run, snapshot
from tests.tiny import FILES, MODULE, release, run_git, write

MAIN = "template/app/main.py"
SERVICE = f"template/{MODULE}/service.py.jinja"
MODELS = f"template/{MODULE}/models.py.jinja"


def next_main(**changed: str) -> dict[str, str | None]:
    """Return the template's `main.py` with some words replaced."""
    text = FILES[MAIN]
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    return {MAIN: text}


def edit(path: Path, old: str, new: str) -> None:
    """Edit a file the way a developer does."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new), newline="")


def test_reaches_the_project_and_every_module(shop: Path, template: Path, cofee: Run) -> None:
    """An improvement of the blueprint arrives in a module that was generated earlier."""
    cofee("new-module", "orders", "-C", shop)
    release(template, "v1.1.0", {SERVICE: FILES[SERVICE].replace("10", "20")})

    ran = cofee("update", "-C", shop)

    assert ran.code == 0
    for module in ("customers", "orders"):
        assert "LIMIT = 20" in (shop / f"app/modules/{module}/service.py").read_text()
    assert "_commit: v1.1.0" in (shop / ".copier-answers.yml").read_text()


def test_keeps_edits_beside_the_change(shop: Path, template: Path, cofee: Run) -> None:
    """Edits on neighbouring lines are no conflict."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = True  # mine")
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    ran = cofee("update", "-C", shop)

    assert ran.code == 0
    assert "DEBUG = True  # mine\nPORT_NUMBER = 8000\n" in (shop / "app/main.py").read_text()


def test_follows_a_renamed_folder(shop: Path, template: Path, cofee: Run) -> None:
    """A module that the user renamed gets its changes and its new files under the new name."""
    (shop / "app/modules/customers").rename(shop / "app/modules/clients")
    changes = {
        SERVICE: FILES[SERVICE].replace("10", "20"),
        f"template/{MODULE}/router.py": "ROUTER = 1\n",
    }
    release(template, "v1.1.0", changes)

    ran = cofee("update", "-C", shop)

    assert ran.code == 0
    assert "LIMIT = 20" in (shop / "app/modules/clients/service.py").read_text()
    assert (shop / "app/modules/clients/router.py").exists()
    assert not (shop / "app/modules/customers").exists()


def test_follows_a_moved_file(shop: Path, template: Path, cofee: Run) -> None:
    """A file that the user moved is changed where it is now."""
    (shop / "app/main.py").rename(shop / "app/start.py")
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    assert cofee("update", "-C", shop).code == 0

    assert "PORT_NUMBER" in (shop / "app/start.py").read_text()
    assert not (shop / "app/main.py").exists()


def test_leaves_a_deleted_file_deleted(shop: Path, template: Path, cofee: Run) -> None:
    """What the user threw away is not brought back, and that is said."""
    (shop / "app/main.py").unlink()
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    ran = cofee("update", "-C", shop)

    assert ran.code == 0
    assert not (shop / "app/main.py").exists()
    assert "deleted  app/main.py" in ran.err


def test_conflict_stands_between_markers(shop: Path, template: Path, cofee: Run) -> None:
    """Both sides are in the file, git lists the conflict, and the answers are not yet recorded."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 'theirs'"}))
    answers = (shop / ".copier-answers.yml").read_bytes()

    ran = cofee("update", "-C", shop)

    assert ran.code == 2
    text = (shop / "app/main.py").read_text()
    expected = "<<<<<<< yours\nDEBUG = 'mine'\n=======\nDEBUG = 'theirs'\n>>>>>>> template\n"
    assert expected in text
    assert "UU app/main.py" in run_git(shop, "status", "--short")
    assert answers == (shop / ".copier-answers.yml").read_bytes()
    assert "app/main.py: you and the template changed the same lines" in ran.err
    assert "--continue" in ran.err
    assert "--abort" in ran.err


def test_continue_refuses_while_markers_remain(shop: Path, template: Path, cofee: Run) -> None:
    """`--continue` names the file; once it is resolved, the new commit is recorded."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 'theirs'"}))
    cofee("update", "-C", shop)

    refused = cofee("update", "--continue", "-C", shop)
    (shop / "app/main.py").write_text("DEBUG = 'both'\n")
    done = cofee("update", "--continue", "-C", shop)

    assert refused.code == 1
    assert "`app/main.py`" in refused.err
    assert done.code == 0
    assert "_commit: v1.1.0" in (shop / ".copier-answers.yml").read_text()
    assert "UU" not in run_git(shop, "status", "--short")
    assert cofee("update", "-C", shop).code == 0


def test_abort_restores_the_tree(shop: Path, template: Path, cofee: Run) -> None:
    """Every byte and the index are as they were, resolutions begun included."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    (shop / "notes.txt").write_text("mine\n")
    before, status = snapshot(shop), run_git(shop, "status", "--short")
    changes = {**next_main(**{"DEBUG = False": "DEBUG = 1"}), "template/extra/new.txt": "new\n"}
    release(template, "v1.1.0", changes)
    assert cofee("update", "-C", shop).code == 2
    (shop / "app/main.py").write_text("half resolved\n")

    assert cofee("update", "--abort", "-C", shop).code == 0

    assert snapshot(shop) == before
    assert run_git(shop, "status", "--short") == status
    assert not (shop / "extra").exists()


def test_pending_conflicts_refuse_every_other_operation(
    shop: Path, template: Path, cofee: Run
) -> None:
    """A merge in progress is finished before the next begins, cofee's own or git's."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 1"}))
    cofee("update", "-C", shop)
    before = snapshot(shop)

    for command in (["update"], ["new-module", "orders"]):
        ran = cofee(*command, "-C", shop)

        assert ran.code == 1
        assert "has unresolved conflicts" in ran.err
    assert snapshot(shop) == before


def test_git_merge_in_progress_is_refused(shop: Path, cofee: Run) -> None:
    """The user's own unfinished merge is not mixed with ours."""
    (shop / ".git/MERGE_HEAD").write_text("0" * 40 + "\n")

    ran = cofee("new-module", "orders", "-C", shop)

    assert ran.code == 1
    assert "a git merge is in progress" in ran.err


def test_untracked_file_in_the_way_is_a_conflict(shop: Path, template: Path, cofee: Run) -> None:
    """A file that git ignores is not overwritten either."""
    (shop / ".gitignore").write_text("local.txt\n")
    (shop / "local.txt").write_text("mine\n")
    release(template, "v1.1.0", {"template/local.txt": "theirs\n"})

    ran = cofee("update", "-C", shop)

    assert ran.code == 2
    text = (shop / "local.txt").read_text()
    assert "mine" in text
    assert "theirs" in text


def test_removed_by_the_template_but_edited(shop: Path, template: Path, cofee: Run) -> None:
    """A file that the template drops stays where the user changed it, and is a conflict."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    release(template, "v1.1.0", {MAIN: None})

    ran = cofee("update", "-C", shop)

    assert ran.code == 2
    assert "DEBUG = 'mine'" in (shop / "app/main.py").read_text()
    assert "the template removed it and you changed it" in ran.err
    assert cofee("update", "--continue", "-C", shop).code == 0
    assert (shop / "app/main.py").exists()


def test_removed_by_the_template_and_untouched(shop: Path, template: Path, cofee: Run) -> None:
    """A file without edits is removed with that of the template."""
    release(template, "v1.1.0", {MAIN: None})

    assert cofee("update", "-C", shop).code == 0

    assert not (shop / "app/main.py").exists()


def move_main(template: Path) -> None:
    """Release a version that has `main.py` in another place."""
    release(template, "v1.1.0", {MAIN: None, "template/app/start.py": FILES[MAIN] + "X = 1\n"})


def test_what_would_not_import_is_asked_for(shop: Path, template: Path, cofee: Run) -> None:
    """The new place does not exist before, so it cannot be fixed first: each line is named, and
    `--yes` goes on; the default of a question does not."""
    write(shop, {"app/reports/mine.py": "import os\n\nfrom app.main import NAME\n"})
    move_main(template)
    before = snapshot(shop)

    refused = [cofee("update", *more, "-C", shop) for more in ([], ["--defaults"], ["--dry-run"])]
    unchanged = snapshot(shop)
    done = cofee("update", "--yes", "-C", shop)

    for ran in refused:
        assert ran.code == 1
        assert "unresolved imports or undefined names in `app/reports/mine.py`" in ran.err
        assert "--yes" in ran.err
        assert "line 3: there is no module `app.main` to import `NAME` from" in ran.err
    assert unchanged == before
    assert done.code == 0
    assert "line 3: there is no module `app.main` to import `NAME` from" in done.err
    assert (shop / "app/start.py").exists()
    assert cofee("undo", "-C", shop).code == 0
    assert snapshot(shop) == before


def test_name_that_the_template_removes_is_asked_for(
    shop: Path, template: Path, cofee: Run
) -> None:
    """A hand-written line in the same file still uses it, and the merge has no conflict."""
    edit(shop / "app/main.py", "    return 1\n", "    return 1\n\n\nLIMIT = PORT * 2\n")
    release(template, "v1.1.0", next_main(**{"PORT = 8000": "HTTP_PORT = 8000"}))
    before = snapshot(shop)

    refused = cofee("update", "-C", shop)
    unchanged = snapshot(shop)
    done = cofee("update", "--yes", "--json", "-C", shop)

    assert refused.code == 1
    assert "line 10: `PORT` is not defined" in refused.err
    assert unchanged == before
    assert done.code == 0
    assert json.loads(done.out)["broken"] == ["app/main.py:10: `PORT` is not defined"]


@pytest.mark.parametrize("agreed", [True, False])
def test_what_would_not_import_is_asked_on_a_terminal(
    agreed: bool, shop: Path, template: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default the answer is no."""
    write(shop, {"scripts/mine.py": "import app.main as main\n"})
    move_main(template)
    before = snapshot(shop)

    def confirm(question: str, default: bool) -> bool:
        return agreed and not default

    monkeypatch.setattr(Options, "interactive", True)
    monkeypatch.setattr(wizard, "confirm", confirm)
    ran = cofee("update", "-C", shop)

    assert ran.code == (0 if agreed else 1)
    assert "line 1: there is no module `app.main` to import" in ran.err
    assert (snapshot(shop) == before) is not agreed


def test_a_program_is_told_what_does_not_import(shop: Path, template: Path, cofee: Run) -> None:
    """Each place is in the document."""
    write(shop, {"app/mine.py": "from .main import NAME, PORT\n"})
    move_main(template)

    document = json.loads(cofee("update", "--yes", "--json", "-C", shop).out)

    assert document["broken"] == [
        f"app/mine.py:1: there is no module `.main` to import `{name}` from"
        for name in ("NAME", "PORT")
    ]


def test_a_name_that_goes_from_a_file_that_stays_is_asked_for(
    shop: Path, template: Path, cofee: Run
) -> None:
    """Like a file that is removed; imports of other names are not affected."""
    write(
        shop, {"app/mine.py": "from .main import PORT\n", "seed.py": "from app.main import NAME\n"}
    )
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    ran = cofee("update", "-C", shop)

    assert ran.code == 1
    assert "in `app/mine.py`\n" in ran.err
    assert "line 1: `.main` does not define `PORT`" in ran.err


def test_what_did_not_import_before_is_nothing_to_ask(
    shop: Path, template: Path, cofee: Run
) -> None:
    """Nor is what a file between markers will define."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    mine = "from app.main import DEBUG, GONE\nfrom app.main.gone import NAME\n"
    write(shop, {"app/mine.py": mine})
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 1", "PORT": "P"}))

    assert cofee("update", "-C", shop).code == 2


def test_file_in_the_place_of_a_folder_is_refused(shop: Path, template: Path, cofee: Run) -> None:
    """Options that exclude each other are rejected before anything runs."""
    (shop / "extra").write_text("mine\n")
    release(template, "v1.1.0", {"template/extra/new.txt": "new\n", **next_main(PORT="P")})
    before = snapshot(shop)

    ran = cofee("update", "-C", shop)

    assert ran.code == 1
    assert snapshot(shop) == before


def test_line_endings_stay(shop: Path, template: Path, cofee: Run) -> None:
    """A file with CRLF keeps it, on merged lines too."""
    path = shop / "app/main.py"
    mine = path.read_bytes().replace(b"DEBUG = False", b"DEBUG = True").replace(b"\n", b"\r\n")
    path.write_bytes(mine)
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    assert cofee("update", "-C", shop).code == 0

    assert path.read_bytes() == mine.replace(b"PORT", b"PORT_NUMBER")


def test_file_modes_stay(shop: Path, template: Path, cofee: Run) -> None:
    """The user's permissions stay on a merged file, and an executable stays one."""
    (shop / "app/main.py").chmod(0o640)
    release(template, "v1.1.0", {"template/run.sh": "#!/bin/sh\n", **next_main(PORT="P")})

    assert cofee("update", "-C", shop).code == 0

    assert stat.S_IMODE((shop / "app/main.py").stat().st_mode) == 0o640
    assert os.access(shop / "run.sh", os.X_OK)


def test_symlinked_project_folder(shop: Path, template: Path, tmp_path: Path, cofee: Run) -> None:
    """A project may be reached through a symbolic link."""
    link = tmp_path / "link"
    link.symlink_to(shop)
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    assert cofee("update", "-C", link / "app").code == 0

    assert "PORT_NUMBER" in (shop / "app/main.py").read_text()
    assert link.is_symlink()


def test_never_writes_through_a_link_out_of_the_project(
    shop: Path, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """A folder that leads elsewhere is not followed."""
    elsewhere = tmp_path / "elsewhere"
    shutil.move(shop / "app", elsewhere)
    (shop / "app").symlink_to(elsewhere)
    before = snapshot(elsewhere)
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    ran = cofee("update", "-C", shop)

    assert ran.code == 1
    assert snapshot(elsewhere) == before


def test_project_in_a_folder_of_a_repository(
    shop: Path, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """In a monorepo nothing outside the project's folder is looked at or touched."""
    root = tmp_path / "mono"
    shutil.copytree(shop, root / "services/shop", ignore=shutil.ignore_patterns(".git"))
    write(root, {"app/main.py": FILES[MAIN]})
    run_git(root, "init", "--quiet")
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "first")
    project = root / "services/shop"
    edit(project / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    release(template, "v1.1.0", next_main(**{"DEBUG = False": "DEBUG = 1"}))

    ran = cofee("update", "-C", project)

    assert ran.code == 2
    assert run_git(root, "status", "--short") == "UU services/shop/app/main.py\n"
    assert cofee("update", "--abort", "-C", project).code == 0
    assert run_git(root, "status", "--short") == " M services/shop/app/main.py\n"


def test_project_in_a_submodule(shop: Path, template: Path, tmp_path: Path, cofee: Run) -> None:
    """A project may be a submodule, and may hold one."""
    outer = tmp_path / "outer"
    outer.mkdir()
    run_git(outer, "init", "--quiet")
    allow = ("-c", "protocol.file.allow=always")
    run_git(outer, *allow, "submodule", "--quiet", "add", str(shop), "shop")
    project = outer / "shop"
    run_git(project, *allow, "submodule", "--quiet", "add", str(template), "vendored")
    (project / "app/main.py").rename(project / "app/start.py")
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    assert cofee("update", "-C", project).code == 0

    assert "PORT_NUMBER" in (project / "app/start.py").read_text()
    assert not (project / ".cofee").exists()


def test_names_beyond_ascii(shop: Path, template: Path, cofee: Run) -> None:
    """Paths of any script merge, the template's and the user's."""
    name = 'template/docs/größe "ein\\s".md'
    release(template, "v1.1.0", {name: "eins\n"})
    cofee("update", "-C", shop)
    mine = shop / name.removeprefix("template/")
    mine.write_text("eins\n\nmein Zusatz: ünverändert\n")
    (shop / "日本.txt").write_text("mine\n")
    (shop / "app/main.py").unlink()
    release(template, "v1.2.0", {name: "zwei\n"})

    assert cofee("update", "-C", shop).code == 0

    assert mine.read_text() == "zwei\n\nmein Zusatz: ünverändert\n"
    assert (shop / "日本.txt").read_text() == "mine\n"


def test_outside_git(shop: Path, template: Path, cofee: Run) -> None:
    """A project that is in no repository updates all the same, renamed folders included."""
    shutil.rmtree(shop / ".git")
    (shop / "app/modules/customers").rename(shop / "app/modules/clients")
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    changes = {SERVICE: FILES[SERVICE].replace("10", "20"), **next_main(PORT="PORT_NUMBER")}
    release(template, "v1.1.0", changes)

    assert cofee("update", "-C", shop).code == 0

    assert "LIMIT = 20" in (shop / "app/modules/clients/service.py").read_text()
    assert "DEBUG = 'mine'\nPORT_NUMBER" in (shop / "app/main.py").read_text()


def test_migrations_are_history(shop: Path, template: Path, cofee: Run) -> None:
    """No update changes a migration, even if the template would write it differently today."""
    versions = shop / "migrations/versions"
    before = snapshot(versions)
    name = next(name for name in FILES if "migrations/versions" in name)
    release(template, "v1.1.0", {name: FILES[name] + "# changed\n", **next_main(PORT="P")})

    assert cofee("update", "-C", shop).code == 0

    assert snapshot(versions) == before


def test_index_and_stash_are_not_touched(shop: Path, template: Path, cofee: Run) -> None:
    """Staged, unstaged, stashed and untracked work stays as it is."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'stashed'")
    run_git(shop, "stash")
    edit(shop / "README.md", "# shop", "# staged")
    run_git(shop, "add", "README.md")
    edit(shop / "README.md", "# staged", "# unstaged")
    index, stash = run_git(shop, "ls-files", "--stage"), run_git(shop, "stash", "list")
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))

    assert cofee("update", "-C", shop).code == 0

    assert run_git(shop, "ls-files", "--stage") == index
    assert run_git(shop, "stash", "list") == stash
    assert (shop / "README.md").read_text() == "# unstaged\n"


def question(name: str) -> dict[str, str | None]:
    """Return a new question for the template, and a file that uses its answer."""
    text = f'{name}:\n  type: str\n  help: New?\n  default: "old {name}"\n'
    return {
        "copier.yml": FILES["copier.yml"] + text,
        "template/answer.txt.jinja": f"{{{{ {name} }}}}\n",
    }


def test_new_question_is_never_answered_in_silence(shop: Path, template: Path, cofee: Run) -> None:
    """Without a terminal it is an error; with `--defaults` the default is taken and said."""
    release(template, "v1.1.0", question("flavour"))

    refused = cofee("update", "-C", shop)
    done = cofee("update", "--defaults", "-C", shop)

    assert refused.code == 64
    assert "`flavour`" in refused.err
    assert done.code == 0
    assert "new question `flavour` took its default `old flavour`" in done.err
    assert (shop / "answer.txt").read_text() == "old flavour\n"


def test_upgrade_notes_of_the_versions_crossed(shop: Path, template: Path, cofee: Run) -> None:
    """What an upgrade asks of the operator is printed, for the versions crossed and no other."""
    notes = (
        "- {version: 1.0.0, notes: [the first]}\n"
        "- {version: 1.2.0, notes: [rename `PORT`]}\n"
        "- {version: 1.1.0, notes: [set `KEY`]}\n"
        "- {version: 2.0.0, notes: [the future]}\n"
    )
    release(template, "v1.1.0", {"UPGRADES.yml": notes})
    release(template, "v1.2.0", next_main(PORT="P"))

    ran = cofee("update", "-C", shop)

    assert ran.err.index("1.1.0: set `KEY`") < ran.err.index("1.2.0: rename `PORT`")
    assert "the first" not in ran.err
    assert "the future" not in ran.err


def test_goes_to_a_named_version(shop: Path, template: Path, cofee: Run) -> None:
    """`--to` takes a version that is not the newest."""
    release(template, "v1.1.0", next_main(PORT="P1"))
    release(template, "v1.2.0", next_main(PORT="P2"))

    assert cofee("update", "--to", "v1.1.0", "-C", shop).code == 0

    assert "P1 = 8000" in (shop / "app/main.py").read_text()


def test_nothing_to_do(shop: Path, cofee: Run) -> None:
    """At the newest version nothing is written, and that is said."""
    before = snapshot(shop)

    ran = cofee("update", "-C", shop)

    assert ran.code == 0
    assert "nothing to do" in ran.err
    assert snapshot(shop) == before


@pytest.mark.parametrize("option", ["--dry-run", "--diff"])
def test_preview_writes_nothing(option: str, shop: Path, template: Path, cofee: Run) -> None:
    """`--dry-run` and `--diff` show what would happen."""
    release(template, "v1.1.0", next_main(PORT="PORT_NUMBER"))
    before = snapshot(shop)

    ran = cofee("update", option, "-C", shop)

    assert ran.code == 0
    assert "app/main.py" in ran.out + ran.err
    assert "nothing was written" in ran.err
    assert snapshot(shop) == before


def test_diff_is_a_patch_that_git_takes(shop: Path, template: Path, cofee: Run) -> None:
    """Applying the printed patch gives what the update gives."""
    release(template, "v1.1.0", {"template/extra.txt": "no newline", **next_main(PORT="P")})
    patch = shop.parent / "update.patch"
    patch.write_text(cofee("update", "--diff", "-C", shop).out)
    run_git(shop, "apply", str(patch))
    by_patch = snapshot(shop)
    run_git(shop, "checkout", "--quiet", ".")
    run_git(shop, "clean", "--quiet", "--force", "-d")

    cofee("update", "-C", shop)

    assert snapshot(shop) == by_patch


def test_json_tells_the_plan_and_the_result(shop: Path, template: Path, cofee: Run) -> None:
    """The document names versions, files and whether anything was written."""
    release(template, "v1.1.0", next_main(PORT="P"))

    ran = cofee("update", "--json", "-C", shop)

    document = json.loads(ran.out)
    assert document["from"] == "v1.0.0"
    assert document["to"] == "v1.1.0"
    assert {"path": "app/main.py", "action": "update"} in document["files"]
    assert document["written"] is True
    assert document["conflicts"] == []


def test_verified_update_is_reverted_if_checks_fail(shop: Path, template: Path, cofee: Run) -> None:
    """The output of the check is shown; an update that passes is kept."""
    check = '_cofee_verify: [grep -c "PORT = 8000" app/main.py]\n'
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + check})
    passed = cofee("update", "--verify", "-C", shop)
    before = snapshot(shop)
    release(template, "v1.2.0", next_main(**{"PORT = 8000": "PORT = 9000"}))

    failed = cofee("update", "--verify", "-C", shop)

    assert passed.code == 0
    assert failed.code == 1
    assert "$ grep -c 'PORT = 8000' app/main.py\n0\n" in failed.err
    assert "so the change was reverted" in failed.err
    assert snapshot(shop) == before


@pytest.mark.parametrize("has", ["file", "directory"])
def test_file_is_not_replaced_with_a_directory(
    has: str, shop: Path, template: Path, cofee: Run
) -> None:
    """Nor a directory with a file, until it is deleted."""
    trees = {"file": "template/extra", "directory": "template/extra/deep/note.txt"}
    release(template, "v1.1.0", {trees.pop(has): "old\n"})
    assert cofee("update", "-C", shop).code == 0
    before = snapshot(shop)
    run_git(template, "rm", "-r", "--quiet", "template/extra")
    release(template, "v1.2.0", dict.fromkeys(trees.values(), "new\n"))

    rejected = cofee("update", "-C", shop)
    unchanged = snapshot(shop) == before
    run_git(shop, "clean", "--quiet", "-d", "--force", "extra")

    assert (rejected.code, unchanged) == (1, True)
    assert f"`extra` is a {has}, and would be replaced with a" in rejected.err
    assert cofee("update", "-C", shop).code == 0
    assert (shop / "extra").is_dir() is (has == "file")
