"""A template's version and commit: what tells them, and what happens once tags change."""

from __future__ import annotations

import json
import shutil
import tomllib
from itertools import count
from pathlib import Path

import pytest
import yaml
from packaging.version import InvalidVersion, Version

from cofee.template import template as templates
from cofee.template import versions
from tests.conftest import Run, snapshot
from tests.test_update import edit, next_main
from tests.tiny import FILES, run_git, write

MAIN = "template/app/main.py"
REPOSITORY = Path(__file__).parents[1]
ANSWERS = ".copier-answers.yml"


def pyproject(version: str) -> dict[str, str | None]:
    """Return a `pyproject.toml` that states a version."""
    return {"pyproject.toml": f'[project]\nname = "template"\nversion = "{version}"\n'}


def upgrades(**notes: str) -> dict[str, str | None]:
    """Return upgrade notes: `v1_1_0="a note"`."""
    releases = [
        {"version": version.removeprefix("v").replace("_", "."), "notes": note.split("; ")}
        for version, note in notes.items()
    ]
    return {"UPGRADES.yml": yaml.safe_dump(releases)}


def commit(folder: Path, *changes: dict[str, str | None]) -> str:
    """Commit changed files without a tag, and return the full hash."""
    for files in changes:
        write(folder, files)
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return run_git(folder, "rev-parse", "HEAD").strip()


def answers(shop: Path) -> dict[str, str]:
    """Return the recorded answers."""
    loaded: dict[str, str] = yaml.safe_load((shop / ANSWERS).read_text())
    return loaded


def record(shop: Path, **values: str | None) -> None:
    """Change recorded answers; None removes one."""
    changed = {key: value for key, value in {**answers(shop), **values}.items() if value}
    (shop / ANSWERS).write_text(yaml.safe_dump(changed))


def forget_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work on as another machine that has not seen the template yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-cache"))


@pytest.fixture
def untagged(template: Path) -> Path:
    """The tiny template without a tag, which states version 1.0.0."""
    run_git(template, "tag", "--delete", "v1.0.0")
    commit(template, pyproject("1.0.0"))
    return template


@pytest.fixture
def service(untagged: Path, tmp_path: Path, cofee: Run) -> Path:
    """A project of the untagged template."""
    return make_service(untagged, tmp_path / "service", cofee)


def make_service(template: Path, root: Path, cofee: Run, *more: str) -> Path:
    """Make a project and commit it."""
    made = cofee("new", root, "--defaults", "--template", template, *more)
    assert made.code == 0, made.err
    run_git(root, "init", "--quiet", "--initial-branch=main")
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "first")
    return root


def test_full_hash_is_recorded(shop: Path, template: Path) -> None:
    """`_commit_hash` is recorded beside the tag."""
    assert answers(shop)["_commit"] == "v1.0.0"
    assert answers(shop)["_commit_hash"] == run_git(template, "rev-parse", "HEAD").strip()


def test_untagged_commits_have_versions_and_notes(
    service: Path, untagged: Path, cofee: Run
) -> None:
    """`status` and `update` name the commit with its version, and the notes crossed are printed."""
    notes = upgrades(v1_0_0="the first", v1_1_0="set `KEY`", v2_0_0="the future")
    old = answers(service)["_commit"]
    commit(untagged, pyproject("1.1.0"), notes, next_main(PORT="P"))
    new = run_git(untagged, "describe", "--tags", "--always").strip()

    status = cofee("status", "--check", "-C", service)
    ran = cofee("update", "-C", service)

    assert status.code == 1
    assert f"at {old}, version 1.0.0 (newer: {new}, version 1.1.0)" in status.out
    assert ran.code == 0
    assert f"template {old}, version 1.0.0 → {new}, version 1.1.0" in ran.err
    assert "1.1.0: set `KEY`" in ran.err
    assert "the first" not in ran.err
    assert "the future" not in ran.err
    assert "(the newest)" in cofee("status", "-C", service).out


def test_commits_of_a_version_in_development_add_notes(
    service: Path, untagged: Path, cofee: Run
) -> None:
    """From one commit of a version to another, the notes that came in between are printed."""
    commit(untagged, pyproject("1.1.0.dev0"), upgrades(v1_1_0="set `KEY`"))
    first = cofee("update", "-C", service)
    commit(untagged, upgrades(v1_1_0="set `KEY`; drop `OLD`"))
    second = cofee("update", "-C", service)
    commit(untagged, pyproject("1.1.0"), upgrades(v1_1_0="set `KEY`; drop `OLD`; rename `PORT`"))
    released = cofee("update", "-C", service)

    assert "1.1.0: set `KEY`" in first.err
    assert "1.1.0: drop `OLD`" in second.err
    assert "KEY" not in second.err
    assert "1.1.0: rename `PORT`" in released.err
    assert "OLD" not in released.err


def test_version_in_development_reaches_a_later_one(
    service: Path, untagged: Path, cofee: Run
) -> None:
    """What the development version lacked is printed with the notes of the next version."""
    commit(untagged, pyproject("1.1.0.dev0"), upgrades(v1_1_0="set `KEY`"))
    cofee("update", "-C", service)
    commit(
        untagged,
        pyproject("1.2.0"),
        upgrades(v1_0_0="long ago", v1_1_0="set `KEY`; drop `OLD`", v1_2_0="rename `PORT`"),
    )

    ran = cofee("update", "-C", service)

    assert ran.err.index("1.1.0: drop `OLD`") < ran.err.index("1.2.0: rename `PORT`")
    assert "KEY" not in ran.err
    assert "long ago" not in ran.err


def test_note_that_the_old_commit_has_is_not_repeated(
    service: Path, untagged: Path, cofee: Run
) -> None:
    """A service that was made after a change needs no note about it."""
    commit(untagged, upgrades(v1_1_0="set `KEY`"))
    cofee("update", "-C", service)
    commit(untagged, pyproject("1.1.0"), upgrades(v1_1_0="set `KEY`; drop `OLD`"))

    ran = cofee("update", "-C", service)

    assert "1.1.0: drop `OLD`" in ran.err
    assert "KEY" not in ran.err


def test_older_version_brings_no_notes(shop: Path, template: Path, cofee: Run) -> None:
    """`--to` an older version crosses nothing."""
    commit(template, upgrades(v1_1_0="set `KEY`"), next_main(PORT="P"))
    run_git(template, "tag", "v1.1.0")
    cofee("update", "-C", shop)

    ran = cofee("update", "--to", "v1.0.0", "-C", shop)

    assert ran.code == 0
    assert "KEY" not in ran.err


@pytest.mark.parametrize(
    "content", [None, "", "[project]\nname = 'x'\n", "[project", "project = 1"]
)
def test_without_a_stated_version_the_tag_is_the_version(
    content: str | None, shop: Path, template: Path, cofee: Run
) -> None:
    """A fork may have no `pyproject.toml`, or one without a version."""
    files: dict[str, str | None] = {} if content is None else {"pyproject.toml": content}
    commit(template, files, upgrades(v1_1_0="set `KEY`"), next_main(PORT="P"))
    run_git(template, "tag", "v1.1.0")

    ran = cofee("update", "-C", shop)

    assert "template v1.0.0 → v1.1.0" in ran.err
    assert "1.1.0: set `KEY`" in ran.err


def test_without_any_version_new_notes_are_printed(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """No version bounds the notes, so those count that the old commit did not have."""
    run_git(template, "tag", "--delete", "v1.0.0")
    commit(template, upgrades(v1_0_0="the first"))
    root = make_service(template, tmp_path / "plain", cofee)
    commit(template, upgrades(v1_0_0="the first", v1_1_0="set `KEY`"))

    ran = cofee("update", "-C", root)

    assert "1.1.0: set `KEY`" in ran.err
    assert "the first" not in ran.err
    assert ", version" not in cofee("status", "-C", root).out


def reads_as_version(text: str) -> bool:
    """Return whether PEP 440 takes a text for a version."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def commit_like_a_version(folder: Path) -> str:
    """Commit until the abbreviated hash reads as a version, as `12a3456`; return the hash."""
    tree = run_git(folder, "rev-parse", "HEAD^{tree}").strip()
    parent = run_git(folder, "rev-parse", "HEAD").strip()
    for number in count():
        message = ("-m", f"attempt {number}")
        sha = run_git(folder, "commit-tree", tree, "-p", parent, *message).strip()
        if reads_as_version(sha[:7]):
            run_git(folder, "reset", "--quiet", "--hard", sha)
            return sha
    raise AssertionError


def test_hash_that_reads_as_a_version_is_not_one(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """Without a stated version such a commit has none; with one, that counts."""
    run_git(template, "tag", "--delete", "v1.0.0")
    sha = commit_like_a_version(template)
    root = make_service(template, tmp_path / "plain", cofee)
    plain = templates.latest(str(template))
    commit(template, pyproject("1.1.0"), upgrades(v1_1_0="set `KEY`"))
    stated = commit_like_a_version(template)

    ran = cofee("update", "-C", root)

    assert answers(root)["_commit_hash"] == stated
    assert plain.commit == sha[:7]
    assert plain.version is None
    assert f"template {sha[:7]} → {stated[:7]}, version 1.1.0" in ran.err
    assert "1.1.0: set `KEY`" in ran.err


def test_short_tag_that_begins_like_its_hash_is_a_version() -> None:
    """A tag such as `1` is not taken for an abbreviated hash."""
    assert versions.tag_version("1", "1" * 40) == Version("1")
    assert versions.tag_version("12a3456", f"12a3456{'0' * 33}") is None
    assert versions.tag_version("v1.2.0-3-gabc1234", f"abc1234{'0' * 33}") == Version("1.2.0")


def test_two_tags_of_one_commit_lose_no_change(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`v1` is recorded, and moves to the next commit: the base stays what it was."""
    run_git(template, "tag", "v1")
    run_git(template, "tag", "--delete", "v1.0.0")
    root = make_service(template, tmp_path / "service", cofee, "--module", "orders name:str")
    run_git(template, "tag", "v1.0.0")
    commit(template, next_main(PORT="PORT_NUMBER"))
    run_git(template, "tag", "v1.1.0")
    run_git(template, "tag", "--force", "v1")
    forget_cache(monkeypatch, tmp_path)

    status = cofee("status", "-C", root)
    ran = cofee("update", "-C", root)

    assert "(newer: v1.1.0)" in status.out
    assert "the tag `v1` of the template has moved" in status.out
    assert ran.code == 0
    assert "the tag `v1` of the template has moved" in ran.err
    assert "PORT_NUMBER" in (root / "app/main.py").read_text()


def test_tag_beside_another_is_no_other_version(shop: Path, template: Path, cofee: Run) -> None:
    """A second tag of the recorded commit is nothing newer."""
    run_git(template, "tag", "v1")

    assert "at v1.0.0 (the newest)" in cofee("status", "-C", shop).out
    assert cofee("update", "-C", shop).code == 0


def test_moved_tag_is_said_and_its_change_arrives(
    shop: Path, template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base is the recorded commit, on a machine that never saw the old tag too."""
    edit(shop / "app/main.py", "DEBUG = False", "DEBUG = 'mine'")
    old = answers(shop)["_commit_hash"]
    new = commit(template, next_main(PORT="PORT_NUMBER"))
    run_git(template, "tag", "--force", "v1.0.0")
    forget_cache(monkeypatch, tmp_path)

    status = cofee("status", "--json", "-C", shop)
    ran = cofee("update", "-C", shop)

    moved = f"the tag `v1.0.0` of the template has moved to commit `{new[:12]}`"
    document = json.loads(status.out)
    assert document["changed_tag"] == f"{moved}; this service stays based on commit `{old[:12]}`"
    assert document["newer"] == ["v1.0.0"]
    assert document["edited"] == ["app/main.py"]
    assert ran.code == 0
    assert moved in ran.err
    assert "DEBUG = 'mine'\nPORT_NUMBER = 8000\n" in (shop / "app/main.py").read_text()
    assert answers(shop)["_commit_hash"] == new
    assert json.loads(cofee("status", "--json", "-C", shop).out)["changed_tag"] is None


@pytest.mark.parametrize("is_on_a_branch", [True, False])
def test_deleted_tag_keeps_its_commit(
    is_on_a_branch: bool,
    shop: Path,
    template: Path,
    tmp_path: Path,
    cofee: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The commit is found by its hash, even if no branch contains it."""
    if is_on_a_branch:
        commit(template, next_main(PORT="PORT_NUMBER"))
    else:
        write(template, next_main(PORT="PORT_NUMBER"))
        run_git(template, "add", "--all")
        run_git(template, "commit", "--quiet", "--amend", "--message", "another")
    run_git(template, "tag", "--delete", "v1.0.0")
    run_git(template, "tag", "v1.1.0")
    forget_cache(monkeypatch, tmp_path)

    status = cofee("status", "-C", shop)
    ran = cofee("update", "-C", shop)

    assert "the template no longer has the tag `v1.0.0`" in status.out
    assert "(newer: v1.1.0)" in status.out
    assert ran.code == 0
    assert "PORT_NUMBER" in (shop / "app/main.py").read_text()


def rewrite_history(template: Path) -> None:
    """Replace the commit of v1.0.0 by another one with the same files."""
    run_git(template, "commit", "--quiet", "--amend", "--message", "rewritten")
    run_git(template, "tag", "--force", "v1.0.0")
    run_git(template, "reflog", "expire", "--expire=now", "--all")
    run_git(template, "gc", "--quiet", "--prune=now")


def test_lost_commit_is_refused(
    shop: Path, template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a rewrite of history nothing is written; a tag with the same files is a way out."""
    sha = answers(shop)["_commit_hash"]
    rewrite_history(template)
    commit(template, next_main(PORT="PORT_NUMBER"))
    run_git(template, "tag", "v1.1.0")
    forget_cache(monkeypatch, tmp_path)
    before = snapshot(shop)

    for command in (["update"], ["new-module", "orders"], ["status"]):
        ran = cofee(*command, "-C", shop)

        assert ran.code == 1
        assert f"no longer has commit `{sha[:12]}`" in ran.err
        assert "remove `_commit_hash`" in ran.err
    assert snapshot(shop) == before
    record(shop, _commit_hash=None)
    assert cofee("update", "-C", shop).code == 0
    assert "PORT_NUMBER" in (shop / "app/main.py").read_text()


def test_lost_commit_that_is_cached_still_updates(
    shop: Path, template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkout of the recorded commit is kept, and the tags' versions say what is newer."""
    forget_cache(monkeypatch, tmp_path)
    cofee("status", "-C", shop)
    shutil.rmtree(tmp_path / "another-cache/cofee/clones")
    rewrite_history(template)
    commit(template, next_main(PORT="PORT_NUMBER"))
    run_git(template, "tag", "v1.1.0")

    status = cofee("status", "-C", shop)

    assert "(newer: v1.1.0)" in status.out
    assert cofee("update", "-C", shop).code == 0


def test_answers_without_a_hash_still_update(shop: Path, template: Path, cofee: Run) -> None:
    """An older template recorded the tag alone; the update records the hash."""
    record(shop, _commit_hash=None)
    sha = commit(template, next_main(PORT="PORT_NUMBER"))
    run_git(template, "tag", "v1.1.0")

    ran = cofee("update", "-C", shop)

    assert ran.code == 0
    assert "PORT_NUMBER" in (shop / "app/main.py").read_text()
    assert answers(shop)["_commit_hash"] == sha


@pytest.mark.parametrize("value", ["v1.0.0", "12a3456", "Z" * 40])
def test_abbreviated_hash_is_refused(value: str, shop: Path, cofee: Run) -> None:
    """Only a full hash identifies a commit permanently."""
    record(shop, _commit_hash=value)

    ran = cofee("status", "-C", shop)

    assert ran.code == 1
    assert f"`_commit_hash` is `{value}`, which is not a full hash" in ran.err


def test_copier_alone_reads_and_writes_the_hash(
    shop: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`copier update` works on cofee's answers file, and records the hash that cofee would."""
    from copier import run_update

    sha = commit(template, next_main(PORT="PORT_NUMBER"))
    run_git(template, "tag", "v1.1.0")

    run_update(shop, defaults=True, overwrite=True, quiet=True, unsafe=True)

    assert "PORT_NUMBER" in (shop / "app/main.py").read_text()
    assert answers(shop)["_commit"] == "v1.1.0"
    assert answers(shop)["_commit_hash"] == sha


def test_new_names_commit_and_version(untagged: Path, tmp_path: Path, cofee: Run) -> None:
    """The document of `cofee new --json` says what the service was made from."""
    ran = cofee("new", tmp_path / "x", "--defaults", "--json", "--template", untagged)

    document = json.loads(ran.out)
    sha = run_git(untagged, "rev-parse", "HEAD").strip()
    assert document["commit_hash"] == sha
    assert document["commit"] == sha[:7]
    assert document["version"] == "1.0.0"


def test_notes_of_no_version_are_refused_by_name(shop: Path, template: Path, cofee: Run) -> None:
    """A mistake of the template's author is named, and nothing is written."""
    write(template, {"UPGRADES.yml": "- {version: soon, notes: [set `KEY`]}\n", MAIN: FILES[MAIN]})
    commit(template, next_main(PORT="P"))
    run_git(template, "tag", "v1.1.0")
    before = snapshot(shop)

    ran = cofee("update", "-C", shop)

    assert ran.code == 1
    assert "`UPGRADES.yml` of the template has an invalid version: `soon`" in ran.err
    assert snapshot(shop) == before


def test_own_upgrade_notes_are_of_the_version_in_development() -> None:
    """A note of a version to come would be missed by an update to today's commit."""
    stated = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    noted = yaml.safe_load((REPOSITORY / "UPGRADES.yml").read_text())

    assert all(
        Version(release["version"]) <= Version(Version(stated).base_version) for release in noted
    )
