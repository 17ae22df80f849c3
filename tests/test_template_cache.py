"""The cache of templates: where a recorded path counts from, and what a recorded tag names."""

from __future__ import annotations

from pathlib import Path

import pytest

from cofee.errors import CofeeError
from cofee.project.project import Project
from cofee.template import template as templates
from tests import tiny
from tests.conftest import Run
from tests.tiny import run_git, write


def test_a_relative_source_counts_from_the_project(
    shop: Path, template: Path, cofee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copier records relative paths, and commands run from any folder."""
    path = shop / ".copier-answers.yml"
    path.write_text(path.read_text().replace(str(template), "../template"))
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere/deep")

    ran = cofee("status", "-C", shop)

    assert ran.code == 0, ran.err
    assert "template  ../template at v1.0.0 (the newest)" in ran.out


def test_a_moved_tag_is_no_other_base(shop: Path, template: Path) -> None:
    """What the project was rendered from stays what it is compared with."""
    before = Project(shop).template.root
    write(template, {"template/new.txt": "new"})
    run_git(template, "add", "--all")
    run_git(template, "commit", "--quiet", "--message", "moved")
    run_git(template, "tag", "--force", "v1.0.0")

    assert templates.latest(str(template)).root != before
    assert Project(shop).template.root == before


def test_a_cache_that_cannot_be_written_is_named(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The template is not the cause, so the message does not name it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(CofeeError, match=r"the cache directory .* cannot be written"):
        templates.latest(str(template))


def test_template_without_tags_follows_a_new_default_branch(tmp_path: Path) -> None:
    """The old branch can still exist."""
    template = tiny.make_template(tmp_path / "template")
    run_git(template, "tag", "--delete", "v1.0.0")
    old = templates.latest(str(template))
    run_git(template, "checkout", "--quiet", "-b", "next")
    run_git(template, "commit", "--quiet", "--allow-empty", "--message", "a change")
    head = run_git(template, "rev-parse", "HEAD").strip()

    assert templates.newer_versions(old) == [head[:7]]
    assert templates.latest(str(template)).commit_hash == head


def test_template_without_tags_is_cloned_over_one_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tiny.make_template(tmp_path / "template")
    run_git(template, "tag", "--delete", "v1.0.0")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))

    templates.latest(str(template))

    assert (tmp_path / "trace").read_text().count("built-in: git upload-pack") == 1


def test_newest_tag_is_found_over_one_connection(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates.latest(str(template))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))

    templates.latest(str(template))

    assert (tmp_path / "trace").read_text().count("built-in: git upload-pack") == 1
